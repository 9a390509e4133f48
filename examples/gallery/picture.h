// What the examples in C++ draw with: curves and points over two axes, as an SVG file in the style
// of the gallery (__init__.py beside this). `--picture FILE` of a program asks for one.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace example {

/// Takes "--picture FILE" out of the arguments; "" where it is not among them.
inline std::string picture_file(int& argc, char** argv) {
  for (int k = 1; k + 1 < argc; ++k) {
    if (std::strcmp(argv[k], "--picture") != 0) continue;
    std::string file = argv[k + 1];
    std::copy(argv + k + 2, argv + argc, argv + k);
    argc -= 2;
    return file;
  }
  return "";
}

class Picture {
 public:
  Picture(std::string x_label, std::string y_label, double x0, double x1, double y0, double y1)
      : x0_(x0),
        x1_(x1),
        y0_(y0),
        y1_(y1),
        x_label_(std::move(x_label)),
        y_label_(std::move(y_label)) {}

  void curve(const std::vector<double>& x, const std::vector<double>& y, const char* name = "") {
    const char* colour = kColours[count_ % 6];
    body_ += "<polyline fill=\"none\" stroke-width=\"1.5\" stroke=\"" + std::string(colour) +
             "\" points=\"";
    for (std::size_t k = 0; k < x.size(); ++k) body_ += place(x[k], y[k]);
    body_ += "\"/>\n";
    if (*name) text(460, 18 + 14 * count_, name, colour, "end");
    ++count_;
  }
  void points(const std::vector<double>& x, const std::vector<double>& y) {
    for (std::size_t k = 0; k < x.size(); ++k) {
      std::string at = place(x[k], y[k]);
      at.insert(at.find(','), "\" cy=\""), at.erase(at.find(','), 1);
      at.pop_back();
      body_ += "<circle r=\"3\" fill=\"" + std::string(kColours[count_ % 6]) + "\" cx=\"" + at +
               "\"/>\n";
    }
    ++count_;
  }
  /// Marks and numbers on the axes; `power`: 10^y in place of y.
  void ticks(const std::vector<double>& x, const std::vector<double>& y, bool power = false) {
    for (double v : x) text(px(v), 286, number(v), kInk, "middle");
    for (double v : y) {
      body_ += "<line x1=\"48\" x2=\"466\" y1=\"" + number(py(v)) + "\" y2=\"" + number(py(v)) +
               "\" stroke=\"#2a3650\" stroke-width=\"0.6\"/>\n";
      text(42, py(v) + 3, power ? "1e" + number(v) : number(v), kInk, "end");
    }
  }

  void save(const std::string& file) const {
    if (file.size() < 4 || file.substr(file.size() - 4) != ".svg") {
      throw std::invalid_argument("'" + file +
                                  "' is no .svg: the examples in C++ draw nothing else");
    }
    std::ofstream out(file);
    out << "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 480 320\" width=\"480\" "
           "height=\"320\" font-family=\"DejaVu Sans, sans-serif\" font-size=\"11\">\n"
           "<rect width=\"480\" height=\"320\" fill=\"#0c1322\"/>\n"
        << body_ << "<text x=\"257\" y=\"308\" fill=\"" << kInk << "\" text-anchor=\"middle\">"
        << x_label_ << "</text>\n<text transform=\"translate(13 140) rotate(-90)\" fill=\"" << kInk
        << "\" text-anchor=\"middle\">" << y_label_ << "</text>\n</svg>\n";
    if (!out.flush()) throw std::runtime_error("cannot write '" + file + "'");
  }

 private:
  static constexpr const char* kInk = "#c8d3e6";
  static constexpr const char* kColours[] = {"#58c4f6", "#ffb347", "#ff6f91",
                                             "#9be564", "#c9a0ff", "#f7e463"};

  double px(double x) const { return 48 + 418 * (x - x0_) / (x1_ - x0_); }
  double py(double y) const { return 270 - 256 * (y - y0_) / (y1_ - y0_); }
  static std::string number(double value) {
    char buffer[32];
    std::snprintf(buffer, sizeof buffer, "%.4g", value);
    return buffer;
  }
  std::string place(double x, double y) const { return number(px(x)) + "," + number(py(y)) + " "; }
  void text(double x, double y, const std::string& words, const char* colour, const char* anchor) {
    body_ += "<text x=\"" + number(x) + "\" y=\"" + number(y) + "\" fill=\"" + colour +
             "\" text-anchor=\"" + anchor + "\">" + words + "</text>\n";
  }

  double x0_, x1_, y0_, y1_;
  std::string x_label_, y_label_, body_;
  int count_ = 0;
};

}  // namespace example
