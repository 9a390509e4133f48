// Data files: what separates numbers, and what is refused. Exact values and places.
#include "cotangent/formats/data_file.h"

#include <gtest/gtest.h>

#include <vector>

namespace cotangent::formats {
namespace {

std::string error_of(const std::string& data) {
  try {
    parse_data_text("data.csv", data);
  } catch (const UserError& error) {
    EXPECT_FALSE(error.parts().remedy.empty()) << error.what();
    return error.what();
  }
  return "";
}

std::vector<double> values(const std::string& data) {
  const ir::Tensor x = parse_data_text("data.csv", data);
  std::vector<double> found;
  for (std::int64_t k = 0; k < x.size(); ++k) found.push_back(x.real(k));
  return found;
}

TEST(DataFile, BlanksAndCommasSeparate) {
  const std::vector<double> wanted = {1, 2, 3, 4, 5, 6};
  for (const char* data :
       {"1,2,3\n4,5,6\n", "1 2 3\n4 5 6", "  1\t2   3  \n4\t 5 6\t\n", "1, 2 ,3\r\n4 ,\t5, 6\r\n",
        "1,2 3\n4 5,6\n", "x, y, z\n1,2,3\n\n# comment\n4,5,6 # and one\n", "a,,c\n1,2,3\n4,5,6"}) {
    EXPECT_EQ(values(data), wanted) << data;
  }
}

TEST(DataFile, MissingFieldsAreRefusedWithTheirPlace) {
  const struct {
    const char* data;
    const char* place;
  } all[] = {
      {"1,2,3\n1,,2\n", "data.csv:2:3\n"},   // between two commas
      {"1,2\n3,4,\n", "data.csv:2:4\n"},     // after the last
      {"1,2\n3,4, \r\n", "data.csv:2:4\n"},  //
      {",1,2\n", "data.csv:1:1\n"},          // before the first
      {"1, ,2\n", "data.csv:1:4\n"},         // blanks are nothing
      {"1,2\n3,4, # end\n", "data.csv:2:4\n"},
      {"1,2\n,\n", "data.csv:2:1\n"},  // nothing but a comma
      {"x,y\n1,,2\n", "data.csv:2:3\n"},
  };
  for (const auto& [data, place] : all) {
    const std::string message = error_of(data);
    EXPECT_TRUE(message.starts_with("a field has no number")) << data << '\n' << message;
    EXPECT_NE(message.find(place), std::string::npos) << data << '\n' << message;
    EXPECT_NE(message.find('^'), std::string::npos) << message;
  }
}

TEST(DataFile, SemicolonsAreRefused) {
  for (const char* data : {"1;2\n", "1,2\n3;4\n", "1.5; 2\n", "x;y\n1;2\n"}) {
    const std::string message = error_of(data);
    EXPECT_TRUE(message.starts_with("';' does not separate numbers")) << data << '\n' << message;
  }
  EXPECT_NE(error_of("1,2\n3;4\n").find("data.csv:2:2\n"), std::string::npos);
  EXPECT_EQ(values("1 # one; two\n2\n"), (std::vector<double>{1, 2}));
}

TEST(DataFile, EveryErrorSaysWhatToDo) {
  const std::pair<const char*, const char*> all[] = {{"", "no numbers"},
                                                     {"1,2\n3\n", "this row has 1 number"},
                                                     {"1,2\n3,nan\n", "'nan'"},
                                                     {"1,2\n3,inf\n", "'inf'"},
                                                     {"1,2\n3,four\n", "'four' is not a number"},
                                                     {"1,2\n3,1e999\n", "too large"},
                                                     {"a b\nc d\n", "second line without numbers"}};
  for (const auto& [data, what] : all) {
    const std::string message = error_of(data);
    EXPECT_NE(message.find(what), std::string::npos) << message;
  }
}

}  // namespace
}  // namespace cotangent::formats
