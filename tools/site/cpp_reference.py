"""Pages of the C++ reference, from the comments of the public headers.

A header's comment is its contract (what, shapes, errors, determinism, source of the method), written
for whoever reads the header. So a page shows it as it stands: the head comment as text, then each
group of declarations with its comments, without bodies, private members and namespaces named
`..._detail`.
"""
import dataclasses
import pathlib
import re

#: page -> title, and its headers; relative to cotangent/. Of `...` all that an umbrella includes.
PAGES = {
    "systems": ("Systems, facts, plans", [
        "formats/system_file.h", "mechanics/system.h", "mechanics/traced_system.h",
        "mechanics/linker.h", "mechanics/quantities.h", "mechanics/facts.h", "mechanics/plan.h"]),
    "runs": ("Runs, gradients, tangents", [
        "mechanics/flow.h", "mechanics/short_run.h", "mechanics/gradient.h",
        "mechanics/gradient_plan.h", "mechanics/check_gradient.h", "mechanics/tangent.h"]),
    "arrays": ("Arrays", ["array/arrays.h", "..."]),
    "programs": ("Array programs and executables", [
        "ir/builder.h", "ir/evaluator.h", "ir/text.h", "ir/verifier.h", "transform/derivatives.h",
        "transform/passes.h", "runtime/executable.h"]),
    "files": ("Errors, files, telemetry", [
        "base/error.h", "base/version.h", "io/atomic_file.h", "io/csv.h", "io/hdf5_file.h",
        "io/json_writer.h", "io/report.h", "telemetry/telemetry.h", "telemetry/terminal_sink.h",
        "telemetry/json_lines_sink.h", "telemetry/perfetto_sink.h"]),
}


def included(text):
    return re.findall(r'^#include "cotangent/(.*)"$', text, re.M)


def headers_of(root, page):
    names = []
    for name in PAGES[page][1]:
        if name == "...":
            names += included((root / "cotangent" / names[-1]).read_text(encoding="utf-8"))
        else:
            names.append(name)
    return names


@dataclasses.dataclass
class Declaration:
    comment: list  # lines, without their slashes
    code: str  # without bodies, with what comments stand inside and after
    name: str


def without_bodies(code):
    """A declaration that shows what a caller needs: no bodies, no private members."""
    out, at = [], 0
    mask = blanked(code)
    is_type = re.match(r"\s*(template\s*<.*?>\s*(requires[^{;]*?)?)?(class|struct|union|enum)\b", mask, re.S)
    while at < len(code):
        open_ = mask.find("{", at)
        if open_ < 0:
            out.append(code[at:])
            break
        close = matching(mask, open_)
        before = mask[at:open_]
        last = re.split(r"[;}]|\b(?:public|private|protected):", before)[-1]
        if is_type and not out:  # the type's own braces: go inside
            out.append(code[at:open_ + 1])
            inside = without_private(code[open_ + 1:close], mask[open_ + 1:close],
                                     is_type.group(3) == "class")
            enum = is_type.group(3) == "enum"
            out.append(inside if enum else members(inside))
            at = close
            continue
        if ")" in last and "=" not in last.split(")")[-1]:  # a function's body
            cut = len(last.rstrip()) - len(re.sub(r"\)\s*:[^:].*$", ")", last.rstrip(), flags=re.S))
            kept = code[at:open_].rstrip()
            out.append((kept[:-cut] if cut else kept).rstrip() + ";")
        else:
            out.append(code[at:close + 1])
        at = close + 1
    return "".join(out)


def members(inside):
    """The members of a type, each without its body."""
    return "".join(without_bodies(piece) for piece in pieces(inside))


def without_private(inside, mask, starts_private):
    parts = re.split(r"^( *(?:public|private|protected):)\n", "\n" + inside, flags=re.M)
    kept = [] if starts_private else [parts[0].lstrip("\n")]
    for label, part in zip(parts[1::2], parts[2::2]):
        if "private" not in label:
            kept.append((label + "\n" if starts_private or "protected" in label else "") + part)
    body = "".join(kept).rstrip()
    return ("\n" if inside.startswith("\n") else "") + body.lstrip("\n") + "\n"


def blanked(code):
    """The same length, with comments and literals blanked, to look for braces in."""
    def blank(found):
        return re.sub(r"[^\n]", " ", found.group(0))
    return re.sub(r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])'", blank, code,
                  flags=re.S)


def matching(mask, open_):
    depth = 0
    for at in range(open_, len(mask)):
        depth += {"{": 1, "}": -1}.get(mask[at], 0)
        if depth == 0:
            return at
    raise ValueError("braces do not match")


def pieces(text):
    """Cuts the inside of a namespace or a type into declarations: up to a `;` or a body at depth 0,
    with the comment on the same line."""
    mask = blanked(text)
    start = at = depth = round_ = 0
    while at < len(text):
        c = mask[at]
        round_ += {"(": 1, ")": -1}.get(c, 0)
        depth += {"{": 1, "}": -1}.get(c, 0)
        ends = depth == 0 and round_ == 0 and (
            c == ";" or (c == "}" and not re.match(r"\s*[;,=]", mask[at + 1:])
                         and not re.match(r"\s*\{", mask[at + 1:])))
        if ends:
            line = text.find("\n", at)
            line = len(text) if line < 0 else line + 1
            if not mask[at + 1:line].strip():
                at = line - 1
            yield text[start:at + 1]
            start = at + 1
        at += 1
    if text[start:].strip():
        yield text[start:]


def name_of(code):
    plain = blanked(code).strip()
    plain = re.sub(r"^template\s*<", "<", plain)
    while plain.startswith("<"):  # template parameters
        depth = 0
        for at, c in enumerate(plain):
            depth += {"<": 1, ">": -1}.get(c, 0)
            if depth == 0:
                break
        plain = plain[at + 1:].strip()
        plain = re.sub(r"^template\s*<", "<", plain)
    plain = re.sub(r"^requires\b.*?(?=\n|$)", "", plain).strip()
    if found := re.match(r"(?:class|struct|union|enum(?:\s+class)?|concept|using|namespace)\s+(\w+)", plain):
        return found.group(1)
    if (found := re.match(r"[^(=]*?(\w+)\s*=", plain)) and found.group(1) != "operator":
        return found.group(1)
    if found := re.search(r"(operator\s*[^\s(]+|\w+)\s*\(", plain):
        return found.group(1)
    if found := re.search(r"(\w+)\s*(?:=|\{|;)", plain):
        return found.group(1)
    return ""


def declarations(text):
    """Groups of declarations (lists) of the inside of a namespace, in order."""
    group = []
    for piece in pieces(text):
        head = re.match(r"\s*", piece).group(0)
        mask = blanked(piece)
        stripped = mask.strip()
        if "\n" in head and group:
            yield group
            group = []
        if found := re.match(r"(?:inline\s+)?namespace\s+([\w:]*)\s*\{", stripped):
            if group:
                yield group
                group = []
            if not found.group(1).endswith("detail") and found.group(1):
                inside = list(declarations(piece[mask.index("{") + 1:mask.rindex("}")]))
                if inside:  # what is said of the namespace stands before what is in it
                    said = [re.sub(r"^///? ?", "", x.strip())
                            for x in piece[:len(mask) - len(mask.lstrip())].strip().split("\n") if x.strip()]
                    inside[0][0].comment[:0] = said + [""] if said else []
                yield from inside
            continue
        lines = piece.strip("\n").split("\n")
        comment = []
        while lines and (lines[0].lstrip().startswith("//") or not lines[0].strip()):
            line = lines.pop(0).strip()
            if not line:
                if comment:  # a comment of its own, on what follows
                    comment.append("")
                continue
            comment.append(re.sub(r"^///?<? ?", "", line))
        code = without_bodies("\n".join(lines)).rstrip()
        code = code if code.startswith("#") else re.sub(r"\n{3,}", "\n\n", code)
        if re.search(r"\w(<[^()]*>)?::~?\w+\s*\(", re.split(r"[={;]", blanked(code))[0]):
            continue  # a member, defined outside of its class
        declared = re.sub(r"(?m)^#.*$", "", blanked(code)).strip()
        if not declared or re.match(r"(class|struct)\s+\w+;|using\s+(namespace\b|\w+(::\w+)+;)", declared):
            continue  # a forward declaration, or a name taken over
        group.append(Declaration(comment, code, name_of(code)))
    if group:
        yield group


def prose(lines):
    """Lines of a comment as Markdown: what is indented in it stands as it is."""
    out, block = [], []

    def close():
        if block:
            while block and not block[-1].strip():
                block.pop()
            indent = min(len(x) - len(x.lstrip()) for x in block if x.strip())
            out.extend(["", "```cpp" if any(x.endswith((";", "{", "}")) for x in block) else "```text",
                        *[x[indent:] for x in block], "```", ""])
            block.clear()

    for line in lines:
        if line.startswith("  ") or (block and not line.strip()):
            block.append(line)
            continue
        close()
        out.append(escaped(line))
    close()
    return "\n".join(out).strip() + "\n"


def escaped(line):
    """A line in which nothing but `code` is Markdown."""
    parts = line.split("`")
    for k in range(0, len(parts), 2) if len(parts) % 2 else range(len(parts)):
        parts[k] = re.sub(r"([*<\\]|\[(?=[^\]]*\]\()|\b_|_\b)", r"\\\1", parts[k])
    return re.sub(r"\bdocs/([\w/-]+)\.md\b", r"[\1](../../\1.md)", "`".join(parts))


def section(root, name):
    text = (root / "cotangent" / name).read_text(encoding="utf-8")
    head, rest = text.split("#pragma once", 1)
    out = [f"## {name}\n", f"`#include <cotangent/{name}>`\n",
           prose([re.sub(r"^// ?", "", line) for line in head.strip().split("\n")])]
    rest = re.sub(r"(?m)^#(include|if|endif|else|undef).*$", "", rest)
    rest = re.sub(r"(?m)^#define(.*\\\n)*.*$", "", rest)
    for group in declarations(rest):
        names = list(dict.fromkeys(d.name for d in group if d.name))
        title = ", ".join(f"`{n}`" for n in names[:4]) + (", ..." if len(names) > 4 else "")
        out.append(f"### {title or 'Names'}\n")
        if len(group) == 1:
            out.append(prose(group[0].comment))
            out.append(f"```cpp\n{group[0].code}\n```\n")
        else:
            code = []
            for d in group:
                code += [f"/// {x}".rstrip() for x in d.comment] + [d.code]
            out.append("```cpp\n" + "\n".join(code) + "\n```\n")
    return "\n".join(out)


def pages(root):
    """(name, Markdown) of every page. ValueError where a header of cotangent.h is on none."""
    root = pathlib.Path(root)
    listed = {h for page in PAGES for h in headers_of(root, page)}
    umbrella = included((root / "cotangent/cotangent.h").read_text(encoding="utf-8"))
    if missing := sorted(set(umbrella) - listed):
        raise ValueError(f"tools/site/cpp_reference.py: no page has {', '.join(missing)}")
    for page, (title, _) in PAGES.items():
        body = "\n".join(section(root, h) for h in headers_of(root, page))
        yield page, f"# {title}\n\nMade from the headers, which `cotangent/cotangent.h` includes.\n\n{body}"
