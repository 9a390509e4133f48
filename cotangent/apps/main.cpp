#include <iostream>

#include "cotangent/apps/commands.h"

int main(int argc, char** argv) {
  return cotangent::apps::run_command_line(argc, argv, std::cout, std::cerr);
}
