// Symmetric compositions of leapfrog. The digits come from tools/solve_compositions.py, which
// solves the order conditions and prints their residuals; composition_test.cpp checks them again
// here.
#include <array>
#include <cmath>

#include "cotangent/mechanics/plan.h"

namespace cotangent::mechanics {
namespace {

/// The whole palindrome from its first half (the middle stage included).
std::vector<double> palindrome(std::vector<double> half, std::size_t stages) {
  for (std::size_t k = half.size(); k < stages; ++k) half.push_back(half[stages - 1 - k]);
  return half;
}

std::vector<Composition> make_table() {
  std::vector<Composition> all;
  all.push_back({"leapfrog",
                 2,
                 {1.0},
                 "Verlet 1967; Hairer, Lubich, Wanner, Geometric Numerical "
                 "Integration, I.1"});
  all.push_back({"suzuki4", 4,
                 palindrome({0.4144907717943757371423541, 0.4144907717943757371423541,
                             -0.6579630871775029485694163},
                            5),
                 "Suzuki 1990; Hairer, Lubich, Wanner, (II.4.5)"});
  all.push_back({"kahanli6", 6,
                 palindrome({0.3921614440073141392792506, 0.3325991367893594385997486,
                             -0.7062461725576393598099648, 0.08221359629355080023149045,
                             0.7985439909348299633989504},
                            9),
                 "Kahan and Li 1997, s9odr6a; Hairer, Lubich, Wanner, (V.3.12)"});
  all.push_back(
      {"kahanli8", 8,
       palindrome(
           {0.1302024830888900808788176, 0.5611629817751083845619644, -0.3894749626448472864080786,
            0.1588419065551556008962107, -0.3959038941332375773362315, 0.1845396409783157070918325,
            0.2583743876863220472939791, 0.2950117236093102988709662, -0.6055085338300345116989211},
           17),
       "Kahan and Li 1997, s17odr8a; Hairer, Lubich, Wanner, (V.3.13)"});
  all.push_back({"yoshida4", 4,
                 palindrome({1.351207191959657634047688, -1.702414383919315268095376}, 3),
                 "Creutz and Gocksch 1989, Forest and Ruth 1990, Suzuki 1990, Yoshida 1990: the "
                 "triple jump; Hairer, Lubich, Wanner, (II.4.4)"});
  all.push_back({"yoshida6", 6,
                 palindrome({0.7845136104775572638194976, 0.2355732133593581336847932,
                             -1.177679984178871006946416, 1.31518632068391121888425},
                            7),
                 "Yoshida 1990, solution A; Hairer, Lubich, Wanner, (V.3.11)"});
  all.push_back({"suzukiumeno8", 8,
                 palindrome({0.7416703643506129534482278, -0.4091008258000315939973001,
                             0.1907547102962383799538763, -0.5738624711160822666563877,
                             0.2990641813036559238444635, 0.334624918245298183784958,
                             0.3152930923967665966320567, -0.7968879393529163540197888},
                            15),
                 "Suzuki and Umeno 1993; Hairer, Lubich, Wanner, V.3.2"});
  return all;
}

const std::vector<Composition>& table() {
  static const std::vector<Composition> all = make_table();
  return all;
}

}  // namespace

const Composition& composition_for(int order) {
  for (const Composition& c : table()) {
    if (c.order == order) return c;  // the chosen one of each order stands first
  }
  throw InternalError("no composition of order " + std::to_string(order));
}

const Composition* composition_named(const std::string& name) {
  const std::string wanted = name == "verlet" || name == "stormer_verlet" ? "leapfrog" : name;
  for (const Composition& c : table()) {
    if (c.name == wanted) return &c;
  }
  return nullptr;
}

std::vector<std::string> method_names() {
  std::vector<std::string> names = {"auto"};
  for (const Composition& c : table()) names.push_back(c.name);
  names.push_back("verlet");
  return names;
}

}  // namespace cotangent::mechanics
