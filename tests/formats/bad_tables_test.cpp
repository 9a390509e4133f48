// Bad input in the tables beside [energy]: each error names its place, what was expected and what
// to do.
#include <gtest/gtest.h>

#include <algorithm>

#include "cotangent/formats/system_file.h"

namespace cotangent::formats {
namespace {

struct Bad {
  const char* name;
  std::string text;     ///< put after the head of a file
  std::string culprit;  ///< the error points at where this begins (its last occurrence)
  std::vector<std::string> say;
};

const std::string kEnergy =
    "[energy]\nT = \"sum(i, p[i]^2)/2\"\nV = \"k*sum(i, q[i]^2)\"\n"
    "[initial]\nq = [1.0, 2.0]\np = [0.0, 0.0]\n";
const std::string kParameters = "[parameters]\nk = 1.0\nn = 3\ntwice = \"= 2*k\"\nm = 2.0\n";
const std::string kRun = "[run]\ndt = 0.1\nsteps = 10\n";
const std::string kObserve = "[observe]\na = \"q[0]\"\n";
const std::string kCanonical = kParameters + kEnergy + kObserve + kRun;
const std::string kStart = kParameters + "[define]\nf(a) = \"a*k\"\n" + kRun;

Bad equations(const char* name, const std::string& rules, const std::string& start,
              const std::string& culprit, std::vector<std::string> say) {
  return {name, kStart + "[equations]\n" + rules + "\n[initial]\n" + start + "\n", culprit,
          std::move(say)};
}

Bad structure(const char* name, const std::string& text, const std::string& culprit,
              std::vector<std::string> say) {
  return {
      name,
      kStart + "[energy]\nT = \"z[0]^2\"\n[initial]\nz = [1.0, 2.0]\n[structure]\n" + text + "\n",
      culprit, std::move(say)};
}

const std::vector<Bad>& cases() {
  const std::string j = "J = [[0, 1], [-1, 0]]\n";
  static const std::vector<Bad> all = {
      // --- tables that contradict each other
      {"energy_and_equations", kCanonical + "[equations]\nq = \"p\"\n", "equations", {"both say"}},
      {"map_and_equations",
       kStart + "[map]\nx = \"x\"\n[equations]\nx = \"x\"\n[initial]\nx = 1\n",
       "equations",
       {"one of [energy], [equations] and [map]"}},
      {"structure_and_equations",
       kStart + "[equations]\nx = \"x\"\n[initial]\nx = 1\n[structure]\nkind = \"poisson\"\n",
       "structure]",
       {"this file has [equations]"}},
      {"multirate_and_map",
       kStart + "[map]\nx = \"x\"\n[initial]\nx = 1\n[multirate]\nfast = [\"x\"]\ninner = 2\n",
       "multirate]",
       {"this file has [map]"}},
      {"nothing_moves", kStart + "[initial]\nx = 1\n", "[parameters]", {"[equations], or [map]"}},
      // --- [equations]
      equations("no_rule", "x = \"y\"", "x = 1\ny = 2", "[equations]",
                {"'y' has no rule", "[parameters]"}),
      equations("no_start", "x = \"x\"\nyy = \"x\"", "x = 1",
                "yy =", {"'yy'", "no part of the state"}),
      equations("misspelt", "velocty = \"-velocity\"", "velocity = 1", "velocty",
                {"did you mean 'velocity'"}),
      equations("given_twice", "x = \"x\"\n\"x[i]\" = \"x[i]\"", "x = [1, 2]",
                "\"x[i]\" =", {"twice"}),
      equations("number_for_array", "x = \"1.5\"", "x = [1, 2]", "1.5\"",
                {"'x' is given a real where it has a vector(2)", "\"x[i]\""}),
      equations("array_for_number", "x = \"[x, x]\"", "x = 1", "[x, x]", {"a vector(2)", "a real"}),
      equations("short_list", "x = [\"1\"]", "x = [1, 2]", "[\"1\"]", {"a list of 1", "has 2"}),
      equations("deep_list", "x = [[\"1\"], \"2\"]", "x = [1, 2]", "[\"1\"]",
                {"one number is wanted"}),
      equations("uneven_list", "x = [[\"1\", \"2\"], \"x[1]\"]", "x = [[1, 2], [3, 4]]", "\"x[1]\"",
                {"uneven"}),
      equations("nan_in_list", "x = [nan, 0]", "x = [1, 2]", "nan", {"finite"}),
      equations("boolean_in_list", "x = [true, 0]", "x = [1, 2]", "true", {"quotes"}),
      equations("boolean_value", "x = \"x > 0\"", "x = 1", "x > 0", {"where(c, 1, 0)"}),
      equations("indexed_scalar", "\"x[i]\" = \"x\"", "x = 1", "\"x[i]\"", {"0 axes", "1 index"}),
      equations("two_indices_too_many", "\"x[i,j]\" = \"x[i]\"", "x = [1, 2]", "\"x[i,j]\"",
                {"1 axis", "2 indices"}),
      equations("index_twice", "\"x[i,i]\" = \"x[i,i]\"", "x = [[1, 2]]",
                "i]\" = ", {"named twice"}),
      equations("index_reserved", "\"x[pi]\" = \"x[pi]\"", "x = [1, 2]", "pi]\" = ", {"reserved"}),
      equations("index_parameter", "\"x[k]\" = \"x[k]\"", "x = [1, 2]", "k]\" = ", {"parameter"}),
      equations("index_of_the_state", "\"x[x]\" = \"1\"", "x = [1, 2]",
                "x]\" = ", {"part of the state"}),
      equations("sum_over_the_state", "x = \"sum(y, 1)\"\ny = \"1\"", "x = 1\ny = 1", "y, 1)",
                {"part of the state"}),
      equations("index_number", "\"x[0]\" = \"1\"", "x = [1, 2]", "0]\" =", {"as a list"}),
      equations("key_unclosed", "\"x[i\" = \"1\"", "x = [1, 2]", "\" = \"1", {"']'"}),
      equations("indexed_list", "\"x[i]\" = [\"1\", \"2\"]", "x = [1, 2]", "[\"1\"",
                {"inside the quotes"}),
      equations("row_wrong", "\"x[i]\" = \"x[i,0]\"", "x = [[1, 2]]", "x[i,0]",
                {"a real", "vector(2)"}),
      equations("rule_number", "x = 3\ny = {a = 1}", "x = 1\ny = 1", "{a",
                {"an expression in quotes"}),
      equations("unknown_name", "x = \"yy\"\ny = \"1\"", "x = 1\ny = 1", "yy\"",
                {"did you mean 'y'"}),
      equations("momenta_are_nothing", "x = \"p[0]\"", "x = 1", "p[0]", {"unknown name 'p'", "x"}),
      equations("z_is_nothing", "x = \"z\"", "x = 1", "z\"", {"unknown name 'z'"}),
      equations("reserved_name", "sin = \"1\"", "sin = 1", "sin = 1", {"reserved"}),
      equations("time_is_no_state", "t = \"1\"", "t = 1", "t = 1", {"reserved"}),
      equations("bad_name", "\"x-1\" = \"1\"", "\"x-1\" = 1", "\"x-1\" = 1", {"ASCII"}),
      equations("parameter_and_state", "k = \"1\"", "k = 1", "k = 1\n", {"parameter and a part"}),
      equations("definition_and_state", "f = \"1\"", "f = 1", "f = 1\n", {"definition and a part"}),
      equations("argument_and_state", "a = \"1\"", "a = 1", "f(a)", {"argument 'a'"}),
      equations("nan_start", "x = \"1\"", "x = nan", "nan", {"finite"}),
      equations("empty_start", "x = \"1\"", "", "[initial]", {"is empty"}),
      {"equations_no_table", "equations = 3\n" + kRun + "[initial]\nx = 1\n", "3", {"a table"}},
      {"observable_v",
       kStart + "[equations]\nx = \"x\"\n[initial]\nx = 1\n[observe]\na = \"v\"\n",
       "v\"",
       {"unknown name 'v'"}},
      {"unknown_in_a_definition",
       kParameters + kRun + "[equations]\nx = \"x\"\n[initial]\nx = 1\n[define]\ng = \"x + xx\"\n",
       "xx",
       {"'xx'", "did you mean 'x'"}},
      // --- [map]
      {"map_with_dt",
       kParameters + "[map]\nx = \"x\"\n[initial]\nx = 1\n[run]\nsteps = 3\ndt = 1.0\n",
       "dt = 1.0",
       {"no dt", "steps"}},
      {"map_with_t_end",
       kParameters + "[map]\nx = \"x\"\n[initial]\nx = 1\n[run]\nt_end = 3\n",
       "t_end",
       {"no t_end", "number of the step"}},
      {"map_without_steps",
       kParameters + "[map]\nx = \"x\"\n[initial]\nx = 1\n[run]\norder = 2\n",
       "[run]",
       {"'steps' is missing"}},
      {"map_zero_steps",
       kParameters + "[map]\nx = \"x\"\n[initial]\nx = 1\n[run]\nsteps = 0\n",
       "0\n",
       {"steps is 0"}},
      // --- [structure]
      structure("no_kind", j, "[structure]", {"'kind' is missing"}),
      structure("unknown_kind", "kind = \"poison\"\n" + j, "\"poison\"",
                {"did you mean \"poisson\""}),
      structure("kind_number", "kind = 3\n" + j, "3\n", {"\"contact\""}),
      structure("no_matrix", "kind = \"poisson\"", "[structure]", {"'J' is missing"}),
      structure("algebra_and_matrix", "kind = \"lie_poisson\"\nalgebra = \"so3\"\n" + j,
                "J =", {"both algebra and J"}),
      structure("algebra_unknown", "kind = \"lie_poisson\"\nalgebra = \"so33\"", "\"so33\"",
                {"did you mean \"so3\""}),
      structure("algebra_number", "kind = \"lie_poisson\"\nalgebra = 3", "3\n", {"\"se3\""}),
      structure("algebra_dimension", "kind = \"lie_poisson\"\nalgebra = \"so3\"", "\"so3\"",
                {"z has 2 numbers, and so3 has 3"}),
      structure("matrix_too_small", "kind = \"poisson\"\nJ = [[\"0\"]]", "[[\"0\"]]",
                {"a list of 1", "[2,2]"}),
      structure("matrix_entry", "kind = \"poisson\"\nJ = [[\"0\", \"z\"], [0, 0]]", "z\"]",
                {"a vector(2)", "a real"}),
      structure("matrix_unknown", "kind = \"poisson\"\nJ = [[\"0\", \"q\"], [0, 0]]", "q\"]",
                {"unknown name 'q'"}),
      structure("unread_key", "kind = \"metriplectic\"\nmetrik = 3\n" + j, "metrik",
                {"did you mean 'metric'"}),
      structure("metric_of_poisson", "kind = \"poisson\"\nmetric = [[0, 0], [0, 0]]\n" + j,
                "metric", {"unknown key"}),
      structure("no_metric", "kind = \"metriplectic\"\n" + j, "[structure]",
                {"'metric' is missing"}),
      structure("entropy_vector",
                "kind = \"metriplectic\"\nmetric = [[0, 0], [0, 0]]\nentropy = \"z\"\n" + j,
                "z\"\n", {"the entropy is a vector(2)"}),
      structure("canonical_with_z", "kind = \"canonical\"", "z = [", {"'q', which is missing"}),
      structure("contact_with_z", "kind = \"contact\"", "z = [", {"'q', which is missing"}),
      {"z_matrix",
       kStart + "[energy]\nT = \"1\"\n[initial]\nz = [[1.0]]\n[structure]\n"
                "kind = \"poisson\"\nJ = [[0]]\n",
       "[[1.0]]",
       {"'z' has the shape [1,1]"}},
      {"contact_shapes",
       kStart + "[energy]\nT = \"s\"\n[initial]\nq = [1.0]\np = [1.0, 2.0]\n"
                "[structure]\nkind = \"contact\"\n",
       "[1.0, 2.0]",
       {"one shape"}},
      {"contact_s_array",
       kStart + "[energy]\nT = \"s\"\n[initial]\nq = [1.0]\np = [1.0]\ns = [1.0]\n"
                "[structure]\nkind = \"contact\"\n",
       "[1.0]\n[structure]",
       {"one number"}},
      {"contact_with_v",
       kStart + "[energy]\nT = \"s\"\n[initial]\nq = [1.0]\np = [1.0]\nv = [1.0]\n"
                "[structure]\nkind = \"contact\"\n",
       "v =",
       {"unknown key 'v'"}},
      {"contact_with_J",
       kStart + "[energy]\nT = \"s\"\n[initial]\nq = [1.0]\np = [1.0]\n"
                "[structure]\nkind = \"contact\"\nJ = 3\n",
       "J =",
       {"unknown key 'J'"}},
      // --- [symmetries]
      {"symmetry_without_dq",
       kCanonical + "[symmetries]\nturn = {dp = \"p\"}\n",
       "{dp",
       {"'dq' is missing"}},
      {"symmetry_unknown",
       kCanonical + "[symmetries]\nturn = {dq = \"q\", dr = \"p\"}\n",
       "dr",
       {"one of dq, dp"}},
      {"symmetry_reads_p", kCanonical + "[symmetries]\nturn = {dq = \"p\"}\n", "{dq", {"add dp"}},
      {"symmetry_shape",
       kCanonical + "[symmetries]\nturn = {dq = \"q[0]\"}\n",
       "q[0]\"}",
       {"'dq'", "vector(2)"}},
      {"symmetry_v",
       kCanonical + "[symmetries]\nturn = {dq = \"v\"}\n",
       "v\"}",
       {"'v' is not available"}},
      {"symmetry_as_state",
       kCanonical + "[symmetries]\nq = {dq = \"q\"}\n",
       "q = {dq",
       {"the name of a part of the state", "call it something else"}},
      {"symmetry_as_array",
       kStart + "[equations]\nx = \"x\"\n[initial]\nx = 1\n[symmetries]\nx = {dx = \"x\"}\n",
       "x = {dx",
       {"the name of a part of the state"}},
      {"symmetry_as_parameter",
       kCanonical + "[symmetries]\nn = {dq = \"q\"}\n",
       "n = {dq",
       {"the name of a parameter"}},
      {"symmetry_reserved",
       kCanonical + "[symmetries]\nexp = {dq = \"q\"}\n",
       "exp = {",
       {"a reserved name"}},
      {"symmetry_text", kCanonical + "[symmetries]\nturn = \"q\"\n", "\"q\"\n", {"a table"}},
      {"symmetry_empty",
       kStart + "[equations]\nx = \"x\"\n[initial]\nx = 1\n[symmetries]\nturn = {}\n",
       "{}",
       {"says nothing"}},
      // --- [run]
      {"accuracy_one",
       kParameters + kEnergy + kObserve + "[run]\nt_end = 2.0\naccuracy = 1.0\n",
       "1.0\n",
       {"below 1"}},
      {"tolerance_zero", kCanonical + "tolerance = 0\n", "0\n", {"positive"}},
      {"tolerance_key",
       kCanonical + "tolerance = {rtoll = 1e-3}\n",
       "rtoll",
       {"did you mean 'rtol'"}},
      {"coordinates_unknown",
       kCanonical + "coordinates = \"jacoby\"\n",
       "\"jacoby\"",
       {"did you mean \"jacobi\""}},
      {"coordinates_number", kCanonical + "coordinates = 3\n", "3\n", {"quotes"}},
      {"corrector_negative", kCanonical + "corrector = -1\n", "-1\n", {"3, 5, 7, 11 or 17"}},
      {"modes_text", kCanonical + "modes = \"all\"\n", "\"all\"", {"true, false or \"auto\""}},
      {"run_matrix_unknown",
       kCanonical + "matrix = \"methods\"\n",
       "\"methods\"",
       {"did you mean \"method\""}},
      {"splitting_number", kCanonical + "splitting = 3\n", "3\n", {"quotes"}},
      // --- [multirate]
      {"multirate_unknown",
       kCanonical + "[multirate]\nfast = [\"W\"]\ninner = 2\n",
       "\"W\"",
       {"no energy term", "T, V"}},
      {"multirate_twice",
       kCanonical + "[multirate]\nlevels = [[\"V\"], [\"V\"]]\ninner = 2\n",
       "\"V\"]]",
       {"two levels"}},
      {"multirate_both",
       kCanonical + "[multirate]\nfast = [\"V\"]\nlevels = [[\"V\"], [\"T\"]]\ninner = 2\n",
       "levels",
       {"both fast and levels"}},
      {"multirate_neither", kCanonical + "[multirate]\ninner = 2\n", "[multirate]", {"neither"}},
      {"multirate_no_inner",
       kCanonical + "[multirate]\nfast = [\"V\"]\n",
       "[multirate]",
       {"inner"}},
      {"multirate_one_level",
       kCanonical + "[multirate]\nlevels = [[\"V\"]]\ninner = 2\n",
       "[[\"V\"]]",
       {"two or more"}},
      {"multirate_empty_level",
       kCanonical + "[multirate]\nlevels = [[\"V\"], []]\ninner = 2\n",
       "[]]",
       {"a level is empty"}},
      {"multirate_inner_count",
       kCanonical + "[multirate]\nfast = [\"V\"]\ninner = [2, 3]\n",
       "[2, 3]",
       {"one whole number"}},
      {"multirate_inner_zero",
       kCanonical + "[multirate]\nfast = [\"V\"]\ninner = 0\n",
       "0\n",
       {"from 1"}},
      {"multirate_inner_real",
       kCanonical + "[multirate]\nfast = [\"V\"]\ninner = 2.0\n",
       "2.0\n",
       {"one whole number"}},
      // --- [monitor]
      {"monitor_key", kCanonical + "[monitor]\nshadw = true\n", "shadw", {"did you mean 'shadow'"}},
      {"monitor_flag", kCanonical + "[monitor]\nmegno = 1\n", "1\n", {"true or false"}},
      {"lyapunov_many", kCanonical + "[monitor]\nlyapunov = 5\n", "5\n", {"from 0 to 4"}},
      {"lyapunov_text", kCanonical + "[monitor]\nlyapunov = \"every\"\n", "\"every\"", {"\"all\""}},
      {"lyapunov_flag", kCanonical + "[monitor]\nlyapunov = true\n", "true", {"how many"}},
      {"monitor_every", kCanonical + "[monitor]\nevery = 0\n", "0\n", {"at least 1"}},
      // --- [ensemble]
      {"no_size",
       kCanonical + "[ensemble]\nspread = {q = {normal = 1}}\n",
       "[ensemble]",
       {"'size' is missing"}},
      {"size_zero",
       kCanonical + "[ensemble]\nsize = 0\nspread = {q = {normal = 1}}\n",
       "0\nspread",
       {"size is 0"}},
      {"seed_negative",
       kCanonical + "[ensemble]\nsize = 2\nseed = -1\nspread = {q = {normal = 1}}\n",
       "-1\n",
       {"from 0"}},
      {"no_spread",
       kCanonical + "[ensemble]\nsize = 2\n",
       "[ensemble]",
       {"all members would be one"}},
      {"spread_unknown",
       kCanonical + "[ensemble]\nsize = 2\nspread = {qq = {normal = 1}}\n",
       "qq",
       {"did you mean 'q'"}},
      {"spread_v",
       kCanonical + "[ensemble]\nsize = 2\nspread = {v = {normal = 1}}\n",
       "v = {",
       {"spread p instead"}},
      {"spread_whole",
       kCanonical + "[ensemble]\nsize = 2\nspread = {n = {normal = 1}}\n",
       "n = {",
       {"whole numbers"}},
      {"spread_derived",
       kCanonical + "[ensemble]\nsize = 2\nspread = {k = {normal = 1}}\n",
       "k = {",
       {"'twice' is worked out from 'k'", "[define]"}},
      {"spread_bounds",
       kCanonical + "[ensemble]\nsize = 2\nspread = {\"q[2]\" = {normal = 1}}\n",
       "2]\" =",
       {"0 to 1"}},
      {"spread_axes",
       kCanonical + "[ensemble]\nsize = 2\nspread = {\"q[0,0]\" = {normal = 1}}\n",
       "0]\" =",
       {"too many indices"}},
      {"spread_index",
       kCanonical + "[ensemble]\nsize = 2\nspread = {\"q[i]\" = {normal = 1}}\n",
       "i]\" =",
       {"whole number"}},
      {"spread_twice",
       kCanonical + "[ensemble]\nsize = 2\n[ensemble.spread]\nq = {normal = 1}\n"
                    "\"q[0]\" = {normal = 1}\n",
       "\"q[0]\" =",
       {"spread twice"}},
      {"spread_number",
       kCanonical + "[ensemble]\nsize = 2\nspread = {q = 0.1}\n",
       "0.1}",
       {"{normal"}},
      {"spread_two_laws",
       kCanonical + "[ensemble]\nsize = 2\nspread = {q = {normal = 1, relative = 1}}\n",
       "relative",
       {"both normal and relative"}},
      {"spread_no_law",
       kCanonical + "[ensemble]\nsize = 2\nspread = {q = {}}\n",
       "{}}",
       {"is not said"}},
      {"spread_law_unknown",
       kCanonical + "[ensemble]\nsize = 2\nspread = {q = {nromal = 1}}\n",
       "nromal",
       {"did you mean 'normal'"}},
      {"spread_shape",
       kCanonical + "[ensemble]\nsize = 2\nspread = {q = {normal = [1, 2, 3]}}\n",
       "[1, 2, 3]",
       {"the shape [2]"}},
      {"spread_negative",
       kCanonical + "[ensemble]\nsize = 2\nspread = {q = {normal = -1}}\n",
       "-1}}",
       {"from 0"}},
      {"spread_range",
       kCanonical + "[ensemble]\nsize = 2\nspread = {q = {uniform = [1, -1]}}\n",
       "[1, -1]",
       {"low below high"}},
      {"spread_values",
       kCanonical + "[ensemble]\nsize = 2\nspread = {q = {values = [[1, 2]]}}\n",
       "[[1, 2]]",
       {"a row of 2 for each of 2 members"}},
      {"quantile_one",
       kCanonical + "[ensemble]\nsize = 2\nquantiles = [0.5, 1.0]\nspread = {q = {normal = 1}}\n",
       "[0.5, 1.0]",
       {"between 0 and 1"}},
      {"quantile_order",
       kCanonical + "[ensemble]\nsize = 2\nquantiles = [0.5, 0.2]\nspread = {q = {normal = 1}}\n",
       "[0.5, 0.2]",
       {"out of order"}},
      {"covariance_unknown",
       kCanonical + "[ensemble]\nsize = 2\ncovariance = [\"aa\"]\nspread = {q = {normal = 1}}\n",
       "\"aa\"",
       {"did you mean \"a\""}},
      {"covariance_twice",
       kCanonical +
           "[ensemble]\nsize = 2\ncovariance = [\"a\", \"a\"]\nspread = {q = {normal = 1}}\n",
       "\"a\"]",
       {"twice"}},
      {"covariance_empty",
       kCanonical + "[ensemble]\nsize = 2\ncovariance = []\nspread = {q = {normal = 1}}\n",
       "[]",
       {"is empty"}},
  };
  return all;
}

class BadTables : public ::testing::TestWithParam<Bad> {};

TEST_P(BadTables, IsRefusedWithItsPlace) {
  const Bad& bad = GetParam();
  try {
    parse_system_text("bad.toml", bad.text);
  } catch (const UserError& error) {
    const std::string message = error.what();
    const ErrorParts& parts = error.parts();
    EXPECT_FALSE(parts.what.empty() || parts.why.empty() || parts.remedy.empty()) << message;
    for (const std::string& words : bad.say) {
      EXPECT_NE(message.find(words), std::string::npos) << words << '\n' << message;
    }
    const std::size_t at = bad.text.rfind(bad.culprit);
    ASSERT_NE(at, std::string::npos) << bad.culprit;
    const auto line =
        1 + std::count(bad.text.begin(), bad.text.begin() + static_cast<long>(at), '\n');
    const std::size_t begin = bad.text.rfind('\n', at);
    const std::size_t column = begin == std::string::npos ? at + 1 : at - begin;
    const std::string place =
        "bad.toml:" + std::to_string(line) + ":" + std::to_string(column) + "\n";
    EXPECT_NE(parts.where.find(place), std::string::npos) << message << "\nwanted " << place;
    return;
  }
  ADD_FAILURE() << "no error:\n" << bad.text;
}

INSTANTIATE_TEST_SUITE_P(Cases, BadTables, ::testing::ValuesIn(cases()),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace cotangent::formats
