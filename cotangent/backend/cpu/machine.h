// The processors code is made for.
#pragma once

#include <string>
#include <vector>

namespace cotangent::backend::cpu {

struct Machine {
  std::string name;             ///< as a person says it: "native", "x86-64-v3", "aarch64"
  std::string about;            ///< "x86-64, AVX2 and FMA"
  std::string triple;           ///< of the code generator, as are the next two
  std::string cpu, features;    ///< features: "+avx2,-avx512f"
  int vector_bits = 128;        ///< what it does best
  bool rsqrt14 = false;         ///< has AVX-512's 14-bit estimate of 1/sqrt(x)
  std::string cannot_run_here;  ///< why this host cannot run its code; "" when it can
};

/// "" and "native": this host, with all it has. Throws UserError with the known names.
Machine machine_named(const std::string& name);

/// All that machine_named takes, "native" first.
std::vector<Machine> known_machines();

/// "19.1.7", of the code generator that is loaded.
std::string code_generator_version();

}  // namespace cotangent::backend::cpu
