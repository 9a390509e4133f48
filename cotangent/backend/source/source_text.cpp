#include "cotangent/backend/source/source_text.h"

#include "cotangent/backend/source/printer.h"

namespace cotangent::backend::source {

struct SourceFile::Shared {
  const DialectTable& table;
  Names names;
  Helpers helpers;
  std::vector<std::unique_ptr<KernelText>> kernels;
  std::vector<std::string> parts;
  std::string declarations, macro;
};

std::string_view name_of(Dialect dialect) {
  switch (dialect) {
    case Dialect::kC: return "c";
    case Dialect::kCuda: return "cuda";
    case Dialect::kWgsl: return "wgsl";
  }
  return "?";
}

std::optional<Dialect> dialect_named(std::string_view name) {
  for (Dialect d : {Dialect::kC, Dialect::kCuda, Dialect::kWgsl}) {
    if (name_of(d) == name) return d;
  }
  return std::nullopt;
}

std::string comment(Dialect dialect, const std::string& text) {
  std::vector<std::string> lines(1);
  for (char c : text) {
    if (c == '\n')
      lines.emplace_back();
    else
      lines.back() += c;
  }
  while (!lines.empty() && lines.back().empty()) lines.pop_back();
  std::string out;
  if (dialect == Dialect::kWgsl) {
    for (const std::string& l : lines) out += l.empty() ? "//\n" : "// " + l + "\n";
    return out;
  }
  for (std::size_t k = 0; k < lines.size(); ++k) {
    std::string l = lines[k];
    // Nothing may end the comment early.
    for (std::size_t at; (at = l.find("*/")) != std::string::npos;) l.replace(at, 2, "* /");
    out += (k == 0 ? "/* " : l.empty() ? " *" : " * ") + l + (k + 1 < lines.size() ? "\n" : "");
  }
  return out.empty() ? "" : out + " */\n";
}

SourceFile::SourceFile(Dialect dialect)
    : shared_(new Shared{table_of(dialect), Names(table_of(dialect)), {}, {}, {}, {}, {}}) {}

const KernelText& SourceFile::add(const kernel::Program& program, const KernelNames& names) {
  Shared& s = *shared_;
  s.kernels.push_back(
      std::make_unique<KernelText>(Printer(program, s.table, names, s.helpers, s.names).print()));
  s.parts.push_back(s.kernels.back()->text);
  return *s.kernels.back();
}

void SourceFile::add_text(std::string text) {
  shared_->parts.push_back(std::move(text));
}

void SourceFile::set_declarations(std::string text, std::string macro) {
  shared_->declarations = std::move(text);
  shared_->macro = std::move(macro);
}

std::string SourceFile::text(const std::string& head) const {
  const Shared& s = *shared_;
  std::string out = comment(s.table.dialect, head);
  if (!s.macro.empty()) out += "#ifndef " + s.macro + "_H\n#define " + s.macro + "_H\n";
  out += s.table.includes;
  for (const auto& k : s.kernels) {
    if (!k->types.empty()) out += "\n" + k->types;
  }
  out += s.declarations;
  if (!s.macro.empty()) out += "\n#endif\n\n#ifndef " + s.macro + "\n\n";
  out += s.table.preamble;
  const std::string helpers = helper_texts(s.table, s.helpers);
  if (!helpers.empty()) out += "\n" + helpers;
  for (const std::string& part : s.parts) out += "\n" + part;
  if (!s.macro.empty()) out += "\n#endif\n";
  return out;
}

std::vector<std::string> identifiers(Dialect dialect, std::vector<std::string> names) {
  Names unique(table_of(dialect));
  for (std::string& name : names) name = unique.unique(name);
  return names;
}

std::string number_text(Dialect dialect, DType t, std::uint64_t bits) {
  return number(table_of(dialect), t, bits);
}

std::string print_source(const kernel::Program& program, Dialect dialect,
                         const KernelNames& names) {
  SourceFile file(dialect);
  file.add(program, names);
  return file.text();
}

}  // namespace cotangent::backend::source
