// Files of results: exact numbers, whole or not there.
#include <gtest/gtest.h>
#include <unistd.h>

#include <bit>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <sstream>

#include "cotangent/base/error.h"
#include "cotangent/io/atomic_file.h"
#include "cotangent/io/csv.h"
#include "cotangent/io/hdf5_file.h"
#include "cotangent/io/json_writer.h"

namespace cotangent::io {
namespace {
namespace fs = std::filesystem;

/// A folder of its own for each test, removed afterwards.
class Outputs : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "cotangent-io-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override {
    std::error_code ignored;
    fs::permissions(folder_, fs::perms::owner_all, ignored);
    fs::remove_all(folder_, ignored);
  }
  std::size_t entries() const {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
  }
  static std::string text_of(const fs::path& path) {
    std::ifstream stream(path);
    return {std::istreambuf_iterator<char>(stream), {}};
  }
  fs::path folder_;
};

TEST_F(Outputs, AFileAppearsWholeOrNotAtAll) {
  const fs::path path = folder_ / "result.json";
  {
    AtomicFile file(path);
    file.stream() << "half";
    file.stream().flush();
    EXPECT_FALSE(fs::exists(path));
  }
  EXPECT_EQ(entries(), 0u);
  write_text_file(path, "old");
  {
    AtomicFile file(path);
    file.stream() << "half";
  }
  EXPECT_EQ(text_of(path), "old");
  write_text_file(path, "new");
  EXPECT_EQ(text_of(path), "new");
  EXPECT_EQ(entries(), 1u);
}

TEST_F(Outputs, AFullDiskIsAnErrorNotAShortFile) {
  ASSERT_TRUE(fs::exists("/dev/full"));  // every Linux has it
  const fs::path path = folder_ / "full.csv";
  fs::create_symlink("/dev/full", name_beside(path));
  AtomicFile file(path);
  file.stream() << "never arrives";
  EXPECT_THROW(file.commit(), DeviceError);
  EXPECT_FALSE(fs::exists(path));
}

TEST_F(Outputs, AFolderIsCheckedBeforehand) {
  const fs::path out = folder_ / "out";
  prepare_folder(out, {"result.json"}, false);
  EXPECT_TRUE(fs::is_directory(out));
  EXPECT_TRUE(fs::is_empty(out));
  prepare_folder(out, {"result.json"}, false);  // an empty one is fine
  write_text_file(out / "result.json", "{}");
  EXPECT_THROW(prepare_folder(out, {"result.json"}, false), UserError);
  prepare_folder(out, {"result.json"}, true);
  EXPECT_EQ(text_of(out / "result.json"), "{}");
  EXPECT_THROW(prepare_folder(out / "result.json", {}, true), UserError);
  EXPECT_THROW(prepare_folder(folder_ / "no" / "such", {}, false), UserError);
  EXPECT_FALSE(fs::exists(folder_ / "no"));
  EXPECT_THROW(prepare_folder("/proc/nothing-here", {}, false), UserError);
}

TEST_F(Outputs, JsonKeepsBitsAndOrder) {
  std::mt19937_64 random(11);
  std::vector<double> numbers = {0.0, -0.0, 0.1, 1e300, 5e-324, 2.0 / 3.0, -3.215453183208163e-08};
  while (numbers.size() < 300) {
    const double x = std::bit_cast<double>(random());
    if (std::isfinite(x)) numbers.push_back(x);
  }
  for (int indent : {0, 2}) {
    std::ostringstream out;
    JsonWriter json(out, indent);
    json.begin_object();
    json.field("z", "first").field("a", true).field("n", std::int64_t{42});
    json.key("q").array(Shape{100, 3},
                        numbers.size() >= 300 ? std::span(numbers).first(300) : numbers);
    json.key("one").array(Shape{}, std::span(numbers).first(1));
    json.key("empty").begin_array().end_array();
    json.key("nothing").null();
    json.field("bad", std::nan(""));
    json.end_object();
    const auto back = nlohmann::ordered_json::parse(out.str());
    std::vector<std::string> keys;
    for (const auto& [key, value] : back.items()) keys.push_back(key);
    EXPECT_EQ(keys,
              (std::vector<std::string>{"z", "a", "n", "q", "one", "empty", "nothing", "bad"}));
    for (std::size_t k = 0; k < 300; ++k) {
      EXPECT_EQ(std::bit_cast<std::uint64_t>(back["q"][k / 3][k % 3].get<double>()),
                std::bit_cast<std::uint64_t>(numbers[k]));
    }
    EXPECT_TRUE(back["bad"].is_null());
    EXPECT_TRUE(back["one"].is_number_float());
    EXPECT_EQ(out.str().find('\n') == std::string::npos, indent == 0);
  }
}

TEST_F(Outputs, CsvLeavesCellsEmptyWhereAViewHasNoSample) {
  const std::vector<std::int64_t> fine_steps = {0, 2, 4}, coarse_steps = {0, 3, 4};
  const std::vector<double> fine_t = {0, 0.2, 0.4}, coarse_t = {0, 0.3, 0.4};
  const std::vector<double> fine = {1, 2, 3}, coarse = {4, 5, 6, 7, 8, 9};
  const std::vector<SampleView> views = {{"a", {}, 2, fine_steps, fine_t, fine},
                                         {"b", Shape{2}, 3, coarse_steps, coarse_t, coarse}};
  std::ostringstream out;
  write_csv(out, views);
  EXPECT_EQ(out.str(), "step,t,a,b[0],b[1]\n0,0,1,4,5\n2,0.2,2,,\n3,0.3,,6,7\n4,0.4,3,8,9\n");
}

TEST_F(Outputs, MembersHaveARowEach) {
  const std::vector<double> q = {1, 2, 3, 4}, s = {5, 6};
  std::vector<SampleView> views(2);
  views[0].name = "q", views[0].shape = Shape{2}, views[0].values = q;
  views[1].name = "s", views[1].values = s;
  std::ostringstream out;
  write_members_csv(out, views);
  EXPECT_EQ(out.str(), "member,q[0],q[1],s\n0,1,2,5\n1,3,4,6\n");
}

TEST_F(Outputs, Hdf5ArraysReadBack) {
  const fs::path path = folder_ / "arrays.h5";
  const std::vector<double> x = {1, 2, 3, 4, 5, 6};
  Hdf5File file(path);
  file.write_array("members/x", Shape{3, 2}, x);
  file.commit();
  const PlainArray back = read_array(path, "members/x");
  EXPECT_EQ(back.shape, (Shape{3, 2}));
  EXPECT_EQ(back.values, x);
  EXPECT_THROW(read_array(path, "members/y"), DeviceError);
}

TEST_F(Outputs, CsvReadsBackExactly) {
  const std::vector<std::int64_t> step = {0, 10};
  const std::vector<double> t = {0, 0.1 + 0.2};
  const std::vector<double> q = {1, 2, 1.0 / 3, 4, 5, 6, 7, 1e-300};
  const std::vector<double> e = {-0.5, -0.25};
  const SampleView views[] = {{"q", Shape{2, 2}, 10, step, t, q}, {"energy", {}, 10, step, t, e}};
  std::ostringstream out;
  write_csv(out, views);
  std::istringstream lines(out.str());
  std::string line;
  std::getline(lines, line);
  EXPECT_EQ(line, "step,t,\"q[0,0]\",\"q[0,1]\",\"q[1,0]\",\"q[1,1]\",energy");
  std::getline(lines, line);
  EXPECT_EQ(line, "0,0,1,2,0.3333333333333333,4,-0.5");
  std::getline(lines, line);
  EXPECT_EQ(line, "10,0.30000000000000004,5,6,7,1e-300,-0.25");
  EXPECT_LE(static_cast<double>(out.str().size()), csv_bytes(3, 5));
}

TEST_F(Outputs, Hdf5GrowsAndReadsBack) {
  const fs::path path = folder_ / "trajectory.h5";
  std::vector<std::int64_t> step;
  std::vector<double> t, q;
  std::mt19937_64 random(3);
  for (int k = 0; k < 1000; ++k) {
    step.push_back(5 * k);
    t.push_back(0.1 * k);
    for (int c = 0; c < 6; ++c) q.push_back(static_cast<double>(random()) * 1e-19);
  }
  {
    Hdf5File file(path);
    const SampleView all{"q", Shape{2, 3}, 5, step, t, q};
    for (std::size_t first = 0, next = 1; first < 1000; first = next, next = next * 3 + 1) {
      next = std::min<std::size_t>(next, 1000);
      SampleView part = all.from(first);
      const std::size_t count = next - first;
      part.step = part.step.first(count);
      part.t = part.t.first(count);
      part.values = part.values.first(count * 6);
      file.append(part);
    }
    file.set_attribute("title", std::string("Hénon"));
    file.set_attribute("dt", 0.02);
    EXPECT_FALSE(fs::exists(path));
    file.commit();
  }
  ASSERT_TRUE(fs::exists(path));
  EXPECT_EQ(entries(), 1u);
  const Samples back = read_samples(path, "q");
  EXPECT_EQ(back.shape, (Shape{2, 3}));
  EXPECT_EQ(back.step, step);
  EXPECT_EQ(back.t, t);
  EXPECT_EQ(back.values, q);
  EXPECT_THROW(read_samples(path, "p"), DeviceError);
}

TEST_F(Outputs, Hdf5AttributesAndNamesReadBack) {
  const fs::path path = folder_ / "run.h5";
  Hdf5File file(path);
  const std::string long_text(100000, 'x');  // more than an object's header holds
  file.write_array("final/q", Shape{1}, std::vector<double>{1});
  file.write_array("final/p", Shape{1}, std::vector<double>{2});
  file.set_attribute("title", std::string("Hénon"));
  file.set_attribute("long", long_text);
  file.set_attribute("final", "how", std::string("proved"));
  file.set_attribute("final/q", "scale", 0.1);
  file.commit();
  EXPECT_EQ(names_in(path, "final"), (std::vector<std::string>{"p", "q"}));
  EXPECT_EQ(names_in(path, "none"), std::vector<std::string>{});
  EXPECT_EQ(read_text_attribute(path, "/", "title"), "Hénon");
  EXPECT_EQ(read_text_attribute(path, "/", "long"), long_text);
  EXPECT_EQ(read_text_attribute(path, "final", "how"), "proved");
  EXPECT_EQ(read_number_attribute(path, "final/q", "scale"), 0.1);
  EXPECT_EQ(read_number_attribute(path, "/", "title"), std::nullopt);
  EXPECT_EQ(read_text_attribute(path, "final/q", "scale"), std::nullopt);
  EXPECT_EQ(read_text_attribute(path, "/", "none"), std::nullopt);
  EXPECT_THROW(names_in(folder_ / "none.h5", "/"), DeviceError);
}

TEST_F(Outputs, Hdf5LeavesNothingWithoutCommit) {
  {
    Hdf5File file(folder_ / "trajectory.h5");
    const std::vector<std::int64_t> step = {0};
    const std::vector<double> t = {0}, e = {1};
    file.append({"energy", {}, 1, step, t, e});
    EXPECT_EQ(entries(), 1u);
  }
  EXPECT_EQ(entries(), 0u);
  EXPECT_THROW(Hdf5File(folder_ / "no" / "file.h5"), DeviceError);
}

}  // namespace
}  // namespace cotangent::io
