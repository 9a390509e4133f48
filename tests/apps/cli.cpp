#include "tests/apps/cli.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <stdexcept>

namespace cotangent::apps::testing {
namespace fs = std::filesystem;

CliResult run_cli(const std::vector<std::string>& arguments,
                  const std::function<void(int)>& meanwhile) {
  const char* program = std::getenv("COTANGENT");
  if (!program) throw std::runtime_error("COTANGENT is not set");
  int out[2], err[2];
  if (pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0) throw std::runtime_error("pipe");
  std::vector<char*> argv{const_cast<char*>(program)};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    dup2(out[1], STDOUT_FILENO);
    dup2(err[1], STDERR_FILENO);
    execv(program, argv.data());
    _exit(127);
  }
  close(out[1]);
  close(err[1]);
  if (meanwhile) meanwhile(child);
  CliResult result;
  pollfd waiting[2] = {{out[0], POLLIN, 0}, {err[0], POLLIN, 0}};
  std::string* texts[2] = {&result.out, &result.err};
  for (int open = 2; open > 0;) {
    poll(waiting, 2, -1);
    for (int k = 0; k < 2; ++k) {
      if (waiting[k].fd < 0 || waiting[k].revents == 0) continue;
      char buffer[65536];
      const ssize_t count = read(waiting[k].fd, buffer, sizeof buffer);
      if (count > 0) {
        texts[k]->append(buffer, static_cast<std::size_t>(count));
      } else {
        close(waiting[k].fd);
        waiting[k].fd = -1;
        --open;
      }
    }
  }
  int status = 0;
  waitpid(child, &status, 0);
  result.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return result;
}

std::string example(const std::string& name) {
  const char* root = std::getenv("COTANGENT_SOURCE_DIR");
  return std::string(root ? root : ".") + "/examples/" + name + ".toml";
}

TemporaryFolder::TemporaryFolder() {
  std::string name = (fs::temp_directory_path() / "cotangent-apps-XXXXXX").string();
  if (!mkdtemp(name.data())) throw std::runtime_error("mkdtemp");
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

std::string TemporaryFolder::write(const std::string& name, const std::string& text) const {
  std::ofstream(path_ / name, std::ios::binary) << text;
  return (path_ / name).string();
}

std::size_t TemporaryFolder::entries() const {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator(path_), fs::directory_iterator()));
}

std::string read_file(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

}  // namespace cotangent::apps::testing
