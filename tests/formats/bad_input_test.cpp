// Bad input: every error names file, line and column, shows the line with a caret under the
// culprit, says what was expected and what to do.
#include <gtest/gtest.h>

#include <ctime>
#include <filesystem>
#include <fstream>

#include "cotangent/formats/system_file.h"
#include "tests/formats/systems.h"

namespace cotangent::formats {
namespace {

/// Of processor time: the machine may be busy with something else.
double seconds_since(std::clock_t start) {
  return static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
}

namespace fs = std::filesystem;
using testing::kOscillator;
using testing::replaced;

struct Bad {
  const char* name;
  std::string from, to;               ///< what is replaced in the good file (the first occurrence)
  std::string at;                     ///< "line:column", or "" when another test says where
  std::vector<std::string> say = {};  ///< what the message must hold
};

/// Line 1 is the title.
const std::string kGood = R"toml(title = "Three bodies"
[parameters]
m = [1.0, 2.0, 3.0]
kind = [0, 1, 1]
eps = [[1.0, 0.5], [0.5, 2.0]]
[define]
r(i,j) = "norm(q[i] - q[j])"
[energy]
kinetic = "sum(i, dot(p[i], p[i]) / (2*m[i]))"
gravity = "-sum(i<j, m[i]*m[j] / r(i,j))"
[initial]
q = [[0.0, 0.0], [1.0, 0.0], [0.0, 2.0]]
p = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0]]
[run]
dt = 0.01
t_end = 1.0
[observe]
every = 10
x = "norm(q[1] - q[0])"
)toml";

UserError error_of(const std::string& text, std::vector<Override> overrides = {}) {
  try {
    parse_system_text("bad.toml", text, overrides);
  } catch (const UserError& error) {
    return error;
  }
  ADD_FAILURE() << "no error:\n" << text.substr(0, 2000);
  return UserError("none");
}

/// With `x = "<text>"` as the observable of the good file; columns count from the x.
Bad expression(const char* name, const std::string& text, int column,
               std::vector<std::string> say = {}) {
  return {name, "x = \"norm(q[1] - q[0])\"", "x = \"" + text + "\"",
          "19:" + std::to_string(column + 5), std::move(say)};
}

const std::vector<Bad>& cases() {
  static const std::vector<Bad> all = {
      // --- syntax of expressions; column 1 is the first character of the expression
      expression("unclosed_bracket", "q[0", 3, {"unexpected the end", "']'"}),
      expression("unclosed_call", "norm(q[1] - q[0]", 16, {"end of the expression"}),
      expression("missing_operator", "2 q[0,0]", 3, {"'*'"}),
      expression("missing_operand", "2 + * 3", 5, {"'*'"}),
      expression("chained_comparison", "where(1 < 2 < 3, 1, 0)", 13, {"a < b and b < c"}),
      expression("stray_character", "2 $ 3", 3, {"'$'"}),
      expression("not_ascii", "2 \xC3\x97 3", 3, {"not ASCII", "*"}),
      expression("double_star", "t ** 2", 3, {"x^2"}),
      expression("single_equals", "where(t = 2, 1, 0)", 9, {"=="}),
      expression("ampersand", "where(t > 2 && t < 3, 1, 0)", 13, {"and"}),
      expression("number_into_name", "2x", 1, {"runs into"}),
      expression("bad_exponent", "1e", 1, {"exponent"}),
      expression("number_too_large", "1e999", 1, {"too large"}),
      expression("integer_too_large", "99999999999999999999", 1, {"64 bits"}),
      expression("empty_call_index", "sum(q[0,0])", 6, {"sum(i, ...)"}),
      expression("no_body", "sum(i)", 6, {"','"}),
      expression("range_without_end", "sum(i in 0, q[i,0])", 11, {"'..'"}),
      expression("empty", "", 1, {"empty"}),
      expression("unary_plus", "+3", 1, {"unary"}),
      expression("closing_too_many", "t)", 2, {"')'"}),
      // --- names
      expression("unknown_name", "ms[0]", 1, {"'ms'", "did you mean 'm'", "kind"}),
      expression("unknown_function", "nrom(q[0])", 1, {"did you mean 'norm'"}),
      expression("function_without_arguments", "sqrt + 1", 1, {"sqrt(...)"}),
      expression("name_called", "m(0)", 1, {"m[...]"}),
      expression("reserved_z", "z", 1, {"reserved"}),
      expression("too_many_arguments", "sqrt(1, 2)", 1, {"1: a real"}),
      expression("too_few_arguments", "dot(q[0])", 1, {"2: two vectors"}),
      expression("definition_arguments", "r(0)", 1, {"2, as in its definition"}),
      expression("shadowed_parameter", "sum(m, q[m,0])", 5, {"parameter"}),
      expression("shadowed_state", "sum(q, q[q,0])", 5, {"reserved"}),
      expression("shadowed_index", "sum(i, sum(i, q[i,0]))", 12, {"already in use"}),
      expression("same_index_twice", "sum(i<i, q[i,0])", 7, {"twice"}),
      expression("shadowed_definition", "sum(r, q[r,0])", 5, {"definition"}),
      // --- ranges
      expression("no_range", "sum(i, q[i+1,0])", 5, {"cannot be inferred", "i in 0..n"}),
      expression("no_range_at_all", "sum(i, 1)", 5, {"cannot be inferred"}),
      expression("ranges_disagree", "sum(i, q[i,0]*eps[i,0])", 15,
                 {"'q[i,0]' has 3", "'eps[i,0]' has 2"}),
      expression("pair_ranges_disagree", "sum(i<j, q[i,0]*eps[j,0])", 17, {"disagree"}),
      expression("real_range", "sum(i in 0..1.5, q[i,0])", 13, {"integer"}),
      expression("huge_range", "sum(i in 0..9000000000000000000, 1.5)", 1, {"at most"}),
      expression("nothing_to_choose_from", "min_over(i in 0..0, q[i,0])", 1, {"nothing"}),
      // --- indices
      expression("out_of_bounds", "q[3]", 3, {"index 3", "0 to 2"}),
      expression("negative_index", "q[-1]", 3, {"index -1", "0 to 2"}),
      expression("second_axis", "q[0,2]", 5, {"index 2", "0 to 1"}),
      expression("out_of_bounds_in_sum", "sum(i in 0..3, q[i+1,0])", 18, {"index 3", "i = 2"}),
      expression("out_of_bounds_in_pair", "sum(i<j, q[i,0]*q[j+1,0])", 19, {"index 3", "j = 2"}),
      expression("out_of_bounds_in_table", "eps[kind[0]-1, 0]", 5, {"index -1"}),
      expression("real_index", "q[1.0]", 3, {"a real"}),
      expression("divided_index", "q[2/2]", 3, {"'/'"}),
      expression("floored_index", "q[floor(1.5)]", 3, {"floor"}),
      expression("real_parameter_index", "q[m[0]]", 3, {"an integer"}),
      expression("too_many_indices", "q[0,0,0]", 1, {"3 indices", "at most 2"}),
      expression("scalar_indexed", "t[0]", 1, {"no index"}),
      expression("modulo_zero", "q[1 % 0]", 3, {"zero"}),
      expression("integer_overflow", "9223372036854775807 + 1", 1, {"64 bits"}),
      // --- shapes and types
      expression("add_shapes", "q[0] + m", 1, {"vector(2)", "vector(3)"}),
      expression("add_number", "q[0] + 1", 1, {"norm"}),
      expression("vector_product", "q[0]*q[1]", 1, {"dot", "cross"}),
      expression("divide_by_vector", "1/q[0]", 1, {"divide"}),
      expression("vector_power", "q[0]^2", 1, {"dot(x, x)"}),
      expression("function_of_vector", "sin(q[0])", 5, {"vector(2)"}),
      expression("dot_lengths", "dot(q[0], m)", 1, {"one length"}),
      expression("norm_of_number", "norm(t)", 6, {"abs"}),
      expression("cross_lengths", "cross(q, q)", 1, {"length 3"}),
      expression("compare_vectors", "where(q[0] < q[1], 1, 0)", 7, {"two numbers"}),
      expression("where_shapes", "where(t > 0, q[0], 1)", 1, {"one shape"}),
      expression("where_number", "where(t, 1, 0)", 7, {"a boolean"}),
      expression("boolean_arithmetic", "(t > 0) + 1", 1, {"boolean"}),
      expression("not_binds_tighter", "where(not t > 0, 1, 0)", 7, {"not (a < b)"}),
      expression("and_of_numbers", "where(t and 1 > 0, 1, 0)", 7, {"booleans"}),
      expression("boolean_result", "t > 0", 1, {"where(c, 1, 0)"}),
      expression("filter_number", "sum(i if m[i], 1)", 10, {"boolean"}),
      expression("uneven_vector", "[1, q[0]]", 5, {"one shape"}),
      expression("max_of_vectors", "max_over(i, q[i])", 13, {"numbers"}),
      expression("len_of_number", "len(t)", 5, {"array"}),
      expression("sum_of_booleans", "sum(i, m[i] > 0)", 8, {"sum(i if c, 1)"}),
      // --- what later versions bring
      expression("lists_later", "sum((a,b) in bonds, 1)", 5, {"later version"}),
      expression("delta_later", "norm(delta(q[0], q[1]))", 6, {"later version"}),
      {"later_table", "[run]", "[lists]\nbonds = [[0,1]]\n[run]", "14:2", {"later version"}},
      {"later_box", "[run]", "[box]\nlengths = [1.0]\n[run]", "14:2", {"later version"}},
      {"later_state", "[run]", "[state]\nx = {shape = [3]}\n[run]", "14:2", {"later version"}},
      {"later_lagrangian", "[run]", "[lagrangian]\nL = \"0\"\n[run]", "14:2", {"later version"}},
      {"later_scene", "title = \"Three bodies\"", "scene = \"x.xml\"", "1:1", {"later version"}},
      {"unit_in_a_string", "[1.0, 2.0, 3.0]", "\"1.5 kgg\"", "3:10", {"unknown unit"}},
      // --- terms
      {"velocity_in_energy", "dot(p[i], p[i])", "dot(v[i], v[i])", "9:23", {"'v'", "p"}},
      {"vector_energy",
       "sum(i, dot(p[i], p[i]) / (2*m[i]))",
       "p[0]",
       "9:12",
       {"one number", "dot"}},
      {"no_terms",
       "kinetic = \"sum(i, dot(p[i], p[i]) / (2*m[i]))\"\ngravity = \"-sum(i<j, m[i]*m[j] / "
       "r(i,j))\"\n",
       "",
       "8:1",
       {"no terms"}},
      {"term_is_a_number", "\"-sum(i<j, m[i]*m[j] / r(i,j))\"", "3.5", "10:11", {"quotes"}},
      {"bad_term_name", "gravity", "\"g-1\"", "10:1", {"ASCII"}},
      // --- definitions
      {"definition_circle",
       "\"norm(q[i] - q[j])\"",
       "\"f(i) + r(i,j)\"\nf(a) = \"r(a, 0)\"",
       "8:9",
       {"r -> f -> r"}},
      {"definition_of_itself", "\"norm(q[i] - q[j])\"", "\"r(j,i)\"", "7:11", {"r -> r"}},
      {"definition_reserved", "r(i,j)", "norm(i)", "7:1", {"reserved"}},
      {"definition_argument_reserved", "r(i,j)", "r(p,j)", "7:3", {"reserved"}},
      {"definition_argument_parameter", "r(i,j)", "r(m,j)", "7:1", {"parameter"}},
      {"definition_and_parameter", "r(i,j)", "m(i,j)", "7:1", {"parameter and a definition"}},
      {"definition_twice", "[energy]", "r(a) = \"a\"\n[energy]", "8:1", {"twice"}},
      {"definition_bad_head", "r(i,j)", "r(i,)", "7:5", {"argument"}},
      {"error_inside_a_definition", "norm(q[i] - q[j])", "norm(q[i] - qq[j])", "7:23", {"'qq'"}},
      {"type_error_inside_a_definition",
       "norm(q[i] - q[j])",
       "norm(q[i] - m)",
       "7:16",
       {"vector(3)", "used at bad.toml:10:34"}},
      {"error_inside_an_unused_definition",
       "[energy]",
       "unused(x) = \"x + sum(k, qq[k])\"\n[energy]",
       "8:25",
       {"'qq'", "did you mean"}},
      {"unknown_function_in_a_definition",
       "[energy]",
       "unused(x) = \"nrom(x)\"\n[energy]",
       "8:14",
       {"did you mean 'norm'"}},
      // --- parameters
      {"parameter_reserved", "kind =", "p =", "4:1", {"reserved"}},
      {"parameter_name", "kind =", "2nd =", "4:1", {"ASCII"}},
      {"parameter_uneven", "[[1.0, 0.5], [0.5, 2.0]]", "[[1.0, 0.5], [0.5]]", "5:20", {"uneven"}},
      {"parameter_mixed_depth", "[[1.0, 0.5], [0.5, 2.0]]", "[[1.0, 0.5], 3]", "5:20", {"uneven"}},
      {"parameter_empty", "[1.0, 2.0, 3.0]", "[]", "3:5", {"empty"}},
      {"parameter_boolean", "[1.0, 2.0, 3.0]", "true", "3:5", {"boolean"}},
      {"parameter_date", "[1.0, 2.0, 3.0]", "2020-01-01", "3:5", {"date"}},
      {"parameter_nan", "[1.0, 2.0, 3.0]", "[1.0, nan, 3.0]", "3:11", {"finite"}},
      {"parameter_text", "[1.0, 2.0, 3.0]", "\"heavy\"", "3:6", {"= expr"}},
      {"parameter_text_inside", "[1.0, 2.0, 3.0]", "[1.0, \"x\", 3.0]", "3:12", {"= expr"}},
      {"computed_circle",
       "[1.0, 2.0, 3.0]",
       "\"= a\"\na = \"= 2*b\"\nb = \"= m\"",
       "5:5",
       {"m -> a -> b -> m"}},
      {"computed_unknown",
       "[1.0, 2.0, 3.0]",
       "[1.0, 2.0, \"= epss[0,0]\"]",
       "3:19",
       {"'epss'", "'eps'"}},
      {"computed_state", "[1.0, 2.0, 3.0]", "[1.0, 2.0, \"= q[0,0]\"]", "3:19", {"no value here"}},
      {"computed_infinite", "[1.0, 2.0, 3.0]", "[1.0, 2.0, \"= 1/0\"]", "3:16", {"inf"}},
      {"computed_entry_vector",
       "[1.0, 2.0, 3.0]",
       "[1.0, 2.0, \"= [1, 2]\"]",
       "3:16",
       {"a number"}},
      {"computed_too_long",
       "[1.0, 2.0, 3.0]",
       "\"= sum(i in 0..100000, sum(j in 0..100000, sin(i*j*1.0)))\"",
       "3:8",
       {"too long"}},
      // --- keys and tables
      {"unread_key", "dt = 0.01", "dt = 0.01\nspeed = 3", "16:1", {"'speed'", "precision"}},
      {"misspelt_key", "t_end", "tend", "16:1", {"'tend'", "did you mean 't_end'"}},
      {"unread_table", "[run]", "[rum]\nx = 1\n[run]", "14:2", {"'rum'", "did you mean 'run'"}},
      {"misspelt_table", "[energy]", "[enregy]", "8:2", {"did you mean 'energy'"}},
      {"unread_top_level_key", "title", "titel", "1:1", {"did you mean 'title'"}},
      {"misspelt_every", "every = 10", "evry = 10", "18:8", {"did you mean 'every'"}},
      {"table_is_a_value", "[observe]\nevery = 10\nx = \"norm(q[1] - q[0])\"\n", "", "", {}},
      {"observable_key",
       "x = \"norm(q[1] - q[0])\"",
       "x = {expr = \"t\", evry = 3}",
       "19:18",
       {"did you mean 'every'"}},
      {"observable_without_expr", "x = \"norm(q[1] - q[0])\"", "x = {every = 3}", "19:5", {"expr"}},
      {"missing_q", "q = [[0.0, 0.0], [1.0, 0.0], [0.0, 2.0]]\n", "", "11:1", {"'q' is missing"}},
      {"title_number", "\"Three bodies\"", "3", "1:9", {"quotes"}},
      // --- the initial state
      {"nan_in_q", "[1.0, 0.0], [0.0, 2.0]", "[1.0, nan], [0.0, 2.0]", "12:24", {"nan", "finite"}},
      {"inf_in_q",
       "[1.0, 0.0], [0.0, 2.0]",
       "[1.0, -inf], [0.0, 2.0]",
       "12:24",
       {"-inf", "finite"}},
      {"rows_disagree",
       "p = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0]]",
       "p = [[0.0, 0.0], [0.0, 1.0]]",
       "13:5",
       {"[2,2]", "[3,2]"}},
      {"p_and_v",
       "p = [[0.0",
       "v = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0]]\np = [[0.0",
       "13:1",
       {"both"}},
      {"neither_p_nor_v", "p = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0]]\n", "", "12:1", {"neither"}},
      {"q_scalar", "q = [[0.0, 0.0], [1.0, 0.0], [0.0, 2.0]]", "q = 1.5", "12:5", {"q = [1.5]"}},
      {"q_too_wide",
       "q = [[0.0, 0.0], [1.0, 0.0], [0.0, 2.0]]",
       "q = [[0, 0, 0, 0]]",
       "12:5",
       {"d = 1, 2 or 3"}},
      {"missing_data_file",
       "q = [[0.0, 0.0], [1.0, 0.0], [0.0, 2.0]]",
       "q = {file = \"q.csv\"}",
       "12:13",
       {"no folder"}},
      // --- the run
      {"dt_zero", "dt = 0.01", "dt = 0", "15:6", {"dt is 0", "positive"}},
      {"dt_negative", "dt = 0.01", "dt = -0.01", "15:6", {"positive"}},
      {"dt_nan", "dt = 0.01", "dt = nan", "15:6", {"finite"}},
      {"dt_text", "dt = 0.01", "dt = \"small\"", "15:7", {"= expr"}},
      {"dt_longer", "dt = 0.01", "dt = 2.0", "15:6", {"longer than t_end"}},
      {"not_whole",
       "t_end = 1.0",
       "t_end = 1.005",
       "16:9",
       {"100.49999999999999", "whole", "1.01"}},
      {"t_end_negative", "t_end = 1.0", "t_end = -1.0", "16:9", {"positive"}},
      {"dt_missing", "dt = 0.01\n", "", "14:1", {"'dt' is missing"}},
      {"t_end_missing", "t_end = 1.0\n", "", "14:1", {"'t_end' is missing"}},
      {"dt_t_end_and_steps", "t_end = 1.0", "t_end = 1.0\nsteps = 100", "17:1", {"two of them"}},
      {"steps_zero", "t_end = 1.0", "steps = 0", "16:9", {"from 1"}},
      {"steps_real", "t_end = 1.0", "steps = 10.0", "16:9", {"whole number"}},
      {"too_many_steps", "dt = 0.01", "dt = 1e-300", "16:9", {"2^53"}},
      {"method_number", "t_end = 1.0", "t_end = 1.0\nmethod = 3", "17:10", {"name of a method"}},
      {"order_zero", "t_end = 1.0", "t_end = 1.0\norder = 0", "17:9", {"order"}},
      {"precision_unknown", "t_end = 1.0", "t_end = 1.0\nprecision = \"f16\"", "17:13", {"f64"}},
      {"precision_misspelt",
       "t_end = 1.0",
       "t_end = 1.0\nprecision = \"double_single\"",
       "17:13",
       {"did you mean \"double-single\"", "compensated"}},
      {"precision_number",
       "t_end = 1.0",
       "t_end = 1.0\nprecision = 32",
       "17:13",
       {"a number|an integer"}},
      {"compensated_text",
       "t_end = 1.0",
       "t_end = 1.0\nprecision = \"compensated\"\ncompensated = \"q\"",
       "18:15",
       {"a list"}},
      {"compensated_empty",
       "t_end = 1.0",
       "t_end = 1.0\nprecision = \"compensated\"\ncompensated = []",
       "18:15",
       {"empty", "leave it out"}},
      {"compensated_no_part",
       "t_end = 1.0",
       "t_end = 1.0\nprecision = \"compensated\"\ncompensated = [\"q\", \"v\"]",
       "18:21",
       {"\"v\" is no part", "\"q\" and \"p\""}},
      {"compensated_number",
       "t_end = 1.0",
       "t_end = 1.0\nprecision = \"compensated\"\ncompensated = [1]",
       "18:16",
       {"the parts are"}},
      {"compensated_twice",
       "t_end = 1.0",
       "t_end = 1.0\nprecision = \"compensated\"\ncompensated = [\"q\", \"q\"]",
       "18:21",
       {"twice"}},
      {"lattice_of_reals",
       "t_end = 1.0",
       "t_end = 1.0\nlattice = {q = 1e-16, p = 1e-16}",
       "17:1",
       {"the precision is \"f64\"", "leave lattice out"}},
      {"lattice_number",
       "t_end = 1.0",
       "t_end = 1.0\nprecision = \"lattice\"\nlattice = 1e-16",
       "18:11",
       {"a table"}},
      {"lattice_half",
       "t_end = 1.0",
       "t_end = 1.0\nprecision = \"lattice\"\nlattice = {q = 1e-16}",
       "18:11",
       {"'p' is missing"}},
      {"lattice_zero",
       "t_end = 1.0",
       "t_end = 1.0\nprecision = \"lattice\"\nlattice = {q = 1e-16, p = 0}",
       "18:27",
       {"positive"}},
      {"gradient_policy",
       "[observe]",
       "[gradient]\npolicy = \"checkpoint\"\n[observe]",
       "18:10",
       {"did you mean \"checkpoints\""}},
      {"gradient_policy_number",
       "[observe]",
       "[gradient]\npolicy = 3\n[observe]",
       "18:10",
       {"\"reverse\"", "leave it out"}},
      {"gradient_budget_text",
       "[observe]",
       "[gradient]\nbudget = \"ten megabytes\"\n[observe]",
       "18:10",
       {"10 MB"}},
      {"gradient_budget_zero",
       "[observe]",
       "[gradient]\nbudget = 0\n[observe]",
       "18:10",
       {"from 1"}},
      {"gradient_budget_real",
       "[observe]",
       "[gradient]\nbudget = 1.5\n[observe]",
       "18:10",
       {"whole number"}},
      {"gradient_tolerance",
       "[observe]",
       "[gradient]\ntolerance = -1.0\n[observe]",
       "18:13",
       {"leave it out"}},
      {"gradient_horizon",
       "[observe]",
       "[gradient]\nhorizon = 3\n[observe]",
       "18:11",
       {"true or false"}},
      {"gradient_key",
       "[observe]",
       "[gradient]\npolice = \"all\"\n[observe]",
       "18:1",
       {"did you mean 'policy'"}},
      {"gradient_no_table", "title = ", "gradient = 3\ntitle = ", "1:12", {"a table"}},
      {"every_zero", "every = 10", "every = 0", "18:9", {"at least 1"}},
      // --- TOML
      {"toml_unclosed_header", "[run]", "[run", "14:5", {}},
      {"toml_unclosed_string",
       "title = \"Three bodies\"",
       "title = \"Three bodies",
       "1:22",
       {"not closed|end of its line"}},
      {"toml_unclosed_array",
       "t_end = 1.0\n[observe]\nevery = 10\nx = \"norm(q[1] - q[0])\"\n",
       "t_end = [1.0, ",
       "16:15",
       {"ends in the middle"}},
      {"toml_bare_text", "dt = 0.01", "dt = small", "15:6", {"quotes"}},
      {"toml_no_value", "dt = 0.01", "dt =", "15:5", {}},
      {"toml_after_wide_characters",
       "\"Three bodies\"",
       "\"\xC3\xA9\xE2\x82\xAC\" 5",
       "1:17",
       {"end of the line"}},
      {"toml_wide_key", "title =", "titl\xC3\xA9 =", "1:5", {"quotes"}},
      {"toml_wide_blank", "[run]", "\xC2\xA0[run]", "14:1", {"quotes"}},
      {"toml_wide_quoted_key", "title =", "\"titl\xC3\xA9\" =", "1:1", {"'titl\xC3\xA9'"}},
      {"toml_table_without_name", "[run]", "[ =]", "14:3", {"[run]"}},
      {"toml_empty_table_name", "[run]", "[]", "14:2", {"[run]"}},
      {"toml_no_equals", "dt = 0.01", "dt 0.01", "15:4", {"'='"}},
      {"key_given_twice", "dt = 0.01", "dt = 0.01\ndt = 0.02", "", {"twice"}},
      {"table_given_twice", "[observe]", "[run]\n[observe]", "17:1", {"twice"}},
      {"bad_escape", "\"norm(q[1] - q[0])\"", "\"norm(q[1] \\- q[0])\"", "", {"escape"}},
      {"number_too_long", "dt = 0.01", "dt = 99999999999999999999", "", {"64 bits"}},
      {"leading_zero", "dt = 0.01", "dt = 007", "", {"leading zeros"}},
  };
  return all;
}

class BadInput : public ::testing::TestWithParam<Bad> {};

bool says(const std::string& message, const std::string& words) {
  std::size_t from = 0;
  for (;;) {
    const std::size_t bar = words.find('|', from);
    if (message.find(words.substr(from, bar - from)) != std::string::npos) return true;
    if (bar == std::string::npos) return false;
    from = bar + 1;
  }
}

TEST_P(BadInput, IsRefusedWithItsPlace) {
  const Bad& bad = GetParam();
  if (std::string(bad.name) == "table_is_a_value") {
    const UserError error = error_of("observe = 3\n" + replaced(kGood, bad.from, bad.to));
    EXPECT_NE(error.parts().where.find("bad.toml:1:11"), std::string::npos) << error.what();
    return;
  }
  const UserError error = error_of(replaced(kGood, bad.from, bad.to));
  const std::string message = error.what();
  EXPECT_NE(error.parts().where.find('^'), std::string::npos) << message;
  const std::string place = "bad.toml:" + bad.at + (bad.at.empty() ? "" : "\n");
  EXPECT_NE(error.parts().where.find(place), std::string::npos) << message << "\nwanted " << bad.at;
  const ErrorParts& parts = error.parts();
  EXPECT_FALSE(parts.what.empty() || parts.why.empty() || parts.remedy.empty()) << message;
  for (const std::string& words : bad.say)
    EXPECT_TRUE(says(message, words)) << words << '\n' << message;
  EXPECT_LT(message.size(), 1500u);
}

INSTANTIATE_TEST_SUITE_P(Cases, BadInput, ::testing::ValuesIn(cases()),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(BadInput, TheGoodFileIsGood) {
  EXPECT_NO_THROW(parse_system_text("good.toml", kGood));
}

TEST(BadInput, ASampleMessageWhole) {
  const UserError error = error_of(replaced(kGood, "norm(q[1] - q[0])", "norm(q[3] - q[0])"));
  EXPECT_STREQ(error.what(),
               "index 3 is out of bounds in 'q[3]'\n"
               "  at bad.toml:19:13\n"
               "    19 | x = \"norm(q[3] - q[0])\"\n"
               "       |             ^\n"
               "  expected: 0 to 2: 'q' has length 3 on this axis\n"
               "  to do: count from 0, up to 2");
}

TEST(BadInput, Deep) {
  const std::clock_t start = std::clock();
  for (const char* open : {"(", "-", "sqrt(", "[", "q[", "2^", "not ", "sum(i in 0..2, "}) {
    std::string deep;
    for (int k = 0; k < 10000 && deep.size() < 60000; ++k) deep += open;
    const UserError error = error_of(replaced(kGood, "norm(q[1] - q[0])", deep + "1"));
    EXPECT_NE(std::string(error.what()).find("nested deeper than 256"), std::string::npos)
        << open << '\n'
        << std::string(error.what()).substr(0, 500);
    EXPECT_NE(error.parts().where.find("bad.toml:19:"), std::string::npos);
  }
  const std::string arrays = std::string(10000, '[') + std::string(10000, ']');
  EXPECT_NE(std::string(error_of("x = " + arrays).what()).find("256"), std::string::npos);
  std::string tables = "x = ", dotted = "a";
  for (int k = 0; k < 10000; ++k) tables += "{a = ", dotted += ".a";
  EXPECT_NE(std::string(error_of(tables).what()).find("256"), std::string::npos);
  EXPECT_NE(std::string(error_of(dotted + " = 1").what()).find("16 parts"), std::string::npos);
  EXPECT_NE(std::string(error_of("[" + dotted + "]").what()).find("16 parts"), std::string::npos);
  EXPECT_NE(std::string(error_of("x = {" + dotted + " = 1}").what()).find("16 parts"),
            std::string::npos);
  const double took = seconds_since(start);
  EXPECT_LT(took, 2);
}

TEST(BadInput, DeepAsAllowedIsFine) {
  for (const char* open :
       {"(t + 2*(", "-sqrt(", "where(t > 0 or 1 > 2 and t < 1 + 2*(t + 1), 1, t + 2*",
        "[t, 1][0]^(1 + 2*"}) {
    std::string deep = "t";
    const std::string text = open;
    const auto brackets =
        std::count(text.begin(), text.end(), '(') - std::count(text.begin(), text.end(), ')');
    for (std::ptrdiff_t k = 0; k + brackets + 1 < 125; k += brackets) {
      deep = text + deep + std::string(static_cast<std::size_t>(brackets), ')');
    }
    EXPECT_NO_THROW(parse_system_text("deep.toml", replaced(kGood, "norm(q[1] - q[0])", deep)))
        << open;
  }
}

TEST(BadInput, LongFlatChainsAreFine) {
  for (const std::string link : {" + t", "*t", " - q[0,0]", "/2", " % 5"}) {
    std::string text = "t";
    while (text.size() < 60000) text += link;
    EXPECT_NO_THROW(parse_system_text("long.toml", replaced(kGood, "norm(q[1] - q[0])", text)));
  }
  std::string conditions = "t > 0";
  while (conditions.size() < 60000) conditions += " and t > 0 or 1 > 2";
  EXPECT_NO_THROW(parse_system_text(
      "long.toml", replaced(kGood, "norm(q[1] - q[0])", "where(" + conditions + ", 1, 0)")));
  std::string index = "sum(i in 0..3, q[i";
  while (index.size() < 60000) index += "+1-1";
  EXPECT_NO_THROW(
      parse_system_text("long.toml", replaced(kGood, "norm(q[1] - q[0])", index + ",0])")));
}

TEST(BadInput, TooLong) {
  std::string text = "t";
  while (text.size() < 70000) text += " + t";
  const UserError error = error_of(replaced(kGood, "norm(q[1] - q[0])", text));
  EXPECT_NE(std::string(error.what()).find("65536 bytes"), std::string::npos);
}

TEST(BadInput, DefinitionsThatGrowWithoutBound) {
  // Each doubles the one before: 2^60 uses, were they all written out.
  std::string define = "[define]\nf0(x) = \"x + x\"\n";
  for (int k = 1; k < 60; ++k) {
    const std::string before = "f" + std::to_string(k - 1);
    define += "f" + std::to_string(k) + "(x) = \"" + before + "(x) * " + before + "(x)\"\n";
  }
  std::string text = replaced(kGood, "[define]\n", define);
  text = replaced(text, "norm(q[1] - q[0])", "f59(t)");
  const std::clock_t start = std::clock();
  const UserError error = error_of(text);
  EXPECT_NE(std::string(error.what()).find("too much work"), std::string::npos) << error.what();
  const double took = seconds_since(start);
  EXPECT_LT(took, 20);
}

TEST(BadInput, TextThatIsNotText) {
  EXPECT_NE(std::string(error_of(std::string("\x89HDF\r\n\x1a\n", 8)).what()).find("UTF-8"),
            std::string::npos);
  EXPECT_NE(std::string(error_of("title = \"\xff\"").what()).find("UTF-8"), std::string::npos);
  EXPECT_NE(std::string(error_of("title = \"\xc3").what()).find("UTF-8"), std::string::npos);
  error_of(std::string("title = \"a\0b\"", 13));
  error_of(std::string(1000, '\0'));
  error_of("");
  error_of("# nothing\n");
  EXPECT_NE(error_of("").parts().where.find("bad.toml:1:1"), std::string::npos);
}

TEST(BadInput, Overrides) {
  const auto message = [](const std::string& key, const std::string& value) {
    return std::string(error_of(kGood, {{key, value}}).what());
  };
  EXPECT_NE(message("run.dtt", "5").find("did you mean 'dt'"), std::string::npos);
  EXPECT_NE(message("runn.dt", "5").find("did you mean 'run'"), std::string::npos);
  EXPECT_NE(message("parameters.mm", "5").find("did you mean 'm'"), std::string::npos);
  EXPECT_NE(message("run.dt", "-5").find("--set run.dt=-5"), std::string::npos);
  EXPECT_NE(message("run.dt", "-5").find("^"), std::string::npos);
  EXPECT_NE(message("observe.x", "\"q[9]\"").find("index 9"), std::string::npos);
  EXPECT_NE(message("run.dt", "[").find("--set run.dt=["), std::string::npos);
  EXPECT_NE(message("run", "3").find("table"), std::string::npos);
}

class BadFiles : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(::testing::TempDir()) /
              ("cotangent_bad_files_" +
               std::string(::testing::UnitTest::GetInstance()->current_test_info()->name()));
    fs::remove_all(folder_);
    fs::create_directories(folder_ / "inside");
  }
  void TearDown() override { fs::remove_all(folder_); }

  void write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name, std::ios::binary) << text;
  }
  /// The message of loading the good file with q from a data file of that name.
  std::string message(const std::string& data_name) {
    write("inside/system.toml", replaced(kGood, "q = [[0.0, 0.0], [1.0, 0.0], [0.0, 2.0]]",
                                         "q = {file = \"" + data_name + "\"}"));
    return message_of(folder_ / "inside/system.toml");
  }
  static std::string message_of(const fs::path& path) {
    try {
      load_system_file(path);
    } catch (const UserError& error) {
      return error.what();
    }
    return "";
  }

  fs::path folder_;
};

TEST_F(BadFiles, PathsStayInside) {
  write("inside/good.csv", "0 0\n1 0\n0 2\n");
  write("outside.csv", "0 0\n1 0\n0 2\n");
  EXPECT_EQ(message("good.csv"), "");
  EXPECT_EQ(message("./good.csv"), "");
  EXPECT_NE(message("../outside.csv").find("leaves the folder"), std::string::npos);
  EXPECT_NE(message("../inside/good.csv").find("leaves the folder"), std::string::npos);
  EXPECT_NE(message("x/../../outside.csv").find("leaves the folder"), std::string::npos);
  EXPECT_NE(message((folder_ / "outside.csv").string()).find("absolute"), std::string::npos);
  EXPECT_NE(message("/etc/passwd").find("absolute"), std::string::npos);
  fs::create_symlink(folder_ / "outside.csv", folder_ / "inside/link.csv");
  EXPECT_NE(message("link.csv").find("link that leaves"), std::string::npos);
  fs::create_directory_symlink(folder_, folder_ / "inside/up");
  EXPECT_NE(message("up/outside.csv").find("link that leaves"), std::string::npos);
  fs::create_symlink("good.csv", folder_ / "inside/near.csv");
  EXPECT_EQ(message("near.csv"), "");
  EXPECT_NE(message("missing.csv").find("cannot be found"), std::string::npos);
  EXPECT_NE(message("missing.csv").find("system.toml:12:13"), std::string::npos);
  EXPECT_NE(message("").find("empty"), std::string::npos);
  fs::create_directory(folder_ / "inside/folder");
  EXPECT_NE(message("folder").find("not a file"), std::string::npos);
}

TEST_F(BadFiles, DataFiles) {
  const auto with = [&](const std::string& data) {
    write("inside/q.csv", data);
    return message("q.csv");
  };
  EXPECT_EQ(with("x,y\n0,0\n1,0\n0,2\n"), "");
  EXPECT_EQ(with("\"x 1\",y_2\n0,0\n1,0\n0,2\n"), "");
  EXPECT_EQ(with("x 1,y 2\n0,0\n1,0\n0,2\n"), "");
  for (const char* slip : {"1.O", "\"1.0\"", "1.0.0", "1d0", "1_000", "-x", ".5x"}) {
    const std::string said = with(std::string(slip) + ",0\n0,0\n1,0\n0,2\n");
    EXPECT_NE(said.find("is not a number"), std::string::npos) << slip << said;
    EXPECT_NE(said.find("q.csv:1:1"), std::string::npos) << slip << said;
  }
  EXPECT_NE(with("x,1\n0,0\n1,0\n0,2\n").find("a number stands in the heading"), std::string::npos);
  EXPECT_NE(with("0,0\n1,zero\n0,2\n").find("q.csv:2:3"), std::string::npos);
  EXPECT_NE(with("0,0\n1,zero\n0,2\n").find("system.toml:12:13"), std::string::npos);
  EXPECT_NE(with("0,0\n1\n0,2\n").find("q.csv:2:1"), std::string::npos);
  EXPECT_NE(with("0,0\n1,nan\n0,2\n").find("finite"), std::string::npos);
  EXPECT_NE(with("0,0\n1,1e999\n0,2\n").find("too large"), std::string::npos);
  EXPECT_NE(with("").find("no numbers"), std::string::npos);
  EXPECT_NE(with("a,b\nc,d\n").find("heading"), std::string::npos);
  EXPECT_NE(with("0,0\n1,0\n").find("[2,2]"), std::string::npos);  // p has three rows
  EXPECT_NE(with("0,0,0,0\n").find("d = 1, 2 or 3"), std::string::npos);
  EXPECT_NE(with(std::string("0,0\n1,\0\n", 9)).find("not a number"), std::string::npos);
}

TEST_F(BadFiles, SystemFiles) {
  EXPECT_NE(message_of(folder_ / "none.toml").find("no file"), std::string::npos);
  EXPECT_NE(message_of(folder_).find("folder"), std::string::npos);
  write("huge.toml", kGood);
  fs::resize_file(folder_ / "huge.toml", 100'000'000);
  const std::clock_t start = std::clock();
  EXPECT_NE(message_of(folder_ / "huge.toml").find("100 MB"), std::string::npos);
  const double took = seconds_since(start);
  EXPECT_LT(took, 0.05);  // refused before reading
}

TEST(BadInput, ManyValuesAndTables) {
  std::string values = "x = [";
  for (int k = 0; k < 2'100'000; ++k) values += "0,";
  EXPECT_NE(std::string(error_of(values + "0]").what()).find("data file"), std::string::npos);
  std::string tables;
  for (int k = 0; k < 5000; ++k) tables += "[t" + std::to_string(k) + ".a]\n";
  EXPECT_NE(std::string(error_of(tables).what()).find("tables"), std::string::npos);
  std::string entries = "[parameters]\n";
  for (int k = 0; k < 1500; ++k) entries += "k" + std::to_string(k) + " = 1\n";
  EXPECT_NE(std::string(error_of(entries).what()).find("1024"), std::string::npos);
}

}  // namespace
}  // namespace cotangent::formats
