"""Runs the snippets of the README and of docs/ from the pages themselves.

snippets.py list KIND           prints file:line of every block of that kind
snippets.py run WORK [KIND]     runs every ```toml and ```sh block in the folder WORK, or those of a kind
snippets.py python WORK         runs every ```python block in the folder WORK, with `python` on the PATH
snippets.py links              checks that relative links lead to files, and to headings that are there
snippets.py kinds              checks that every block is of a kind below, and no code is merely indented
snippets.py extract cpp FOLDER  writes every ```cpp block to FOLDER/N.cpp

```toml          a whole system file: `cotangent run` takes it
```toml refused  must be refused with exit code 2
```sh            run by bash -eu in WORK, where examples/ is, `cotangent` and ./run are the built program;
                 a line that starts with ./test is left out, since it is what is running
```text          after a sh block: what that prints, compared with all numbers and times masked
```json          must parse
```python        a program of the package; those of one page are one program, in the order of the page.
                 A ```text block after one is compared with what it prints
```python at most N lines   a program by itself, from its import on, of so many lines that are not empty
```cpp          a program, built against the installed package (consumer_test.sh) and run
```LANGUAGE not run: WHY     is shown only; WHY is a word or more. This is how the code of others, and
                 commands that take long, are marked. Every other kind is refused
"""
import json
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(os.environ["COTANGENT_SOURCE_DIR"]).resolve()
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks():
    """Yields (page, line, kind, text) of every fenced block."""
    for page in PAGES:
        kind, start, lines = None, 0, []
        for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
            if line.startswith("```"):
                if kind is None:
                    kind, start, lines = line[3:].strip(), number, []
                else:
                    yield page.relative_to(ROOT), start, kind, "\n".join(lines) + "\n"
                    kind = None
            elif kind is not None:
                lines.append(line)
        if kind is not None:
            sys.exit(f"{page}: the block of line {start} is not closed")


def masked(text):
    """The words of a text, with what differs between runs and machines taken out."""
    text = re.sub(r"\b[0-9a-f]{16}\b", "HASH", text)
    number = r"[-+]?\d[\d,]*(\.\d+)?(e[-+]?\d+)?"
    text = re.sub(rf"(?<![A-Za-z_\d]){number}( ?(us|ms|s|min|h|k|M|G)\b)?( {number} s\b)?", "#", text)
    return text.split()


def differs(says, prints):
    """Where a page and a program part, or None."""
    says, prints = masked(says), masked(prints)
    if says == prints:
        return None
    at = next((k for k, (a, b) in enumerate(zip(says, prints)) if a != b), min(len(says), len(prints)))
    return (f"the page says\n  ... {' '.join(says[max(at - 6, 0):at + 6])}"
            f"\nand the program prints\n  ... {' '.join(prints[max(at - 6, 0):at + 6])}")


def run(work, only=None):
    wrong, count, printed = [], 0, None
    for page, line, kind, text in blocks():
        where = f"{page}:{line}"
        if only and kind not in (only, "text"):
            printed = None
            continue
        if kind in ("toml", "toml refused"):
            count += 1
            path = pathlib.Path(work) / "snippet.toml"
            path.write_text(text, encoding="utf-8")
            done = subprocess.run(["cotangent", "run", str(path), "--json", "--quiet"], cwd=work,
                                  capture_output=True, text=True)
            expected = 2 if kind == "toml refused" else 0
            if done.returncode != expected:
                wrong.append(f"{where}: exit code {done.returncode}, not {expected}\n{done.stderr}")
        elif kind == "json":
            count += 1
            try:
                json.loads(text)
            except ValueError as error:
                wrong.append(f"{where}: {error}")
        elif kind == "sh":
            count += 1
            script = "\n".join(x for x in text.splitlines() if not x.startswith("./test"))
            done = subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=work,
                                  capture_output=True, text=True)
            if done.returncode != 0:
                wrong.append(f"{where}: exit code {done.returncode}\n{done.stderr}")
            printed = done.stdout
            continue
        elif kind == "text" and printed is not None:
            count += 1
            if difference := differs(text, printed):
                wrong.append(f"{where}: {difference}")
        printed = None
    conclude(count, wrong)


RUN = ("toml", "toml refused", "sh", "json", "python", "cpp")


def at_most(kind):
    """N of `python at most N lines`, or None."""
    found = re.fullmatch(r"python at most (\d+) lines", kind)
    return int(found.group(1)) if found else None


def kinds():
    """Every block is run, compared, or says why not; code stands in fences, where it has a kind."""
    wrong, before = [], {}
    for page, line, kind, text in blocks():
        shown = re.fullmatch(r"\w+ not run: \S.*", kind)
        compared = kind == "text" and (is_python(before.get(page, "")) or before.get(page) == "sh")
        if not (kind in RUN or at_most(kind) or shown or compared):
            wrong.append(f"{page}:{line}: a block of kind '{kind}' is not run\n"
                         "  see tests/docs/snippets.py; what cannot be run says why: ```text not run: WHY")
        before[page] = kind
    for page in PAGES:
        text = re.sub(r"(?ms)^```.*?^```$", lambda found: "\n" * found.group(0).count("\n"),
                      page.read_text(encoding="utf-8"))
        paragraph = ""
        for number, line in enumerate(text.splitlines(), 1):
            if line.startswith("    ") and not paragraph:
                wrong.append(f"{page.relative_to(ROOT)}:{number}: code without a fence")
            # What belongs to an item of a list is indented too.
            paragraph = line if line.strip() and (not line.startswith("    ") or paragraph) else (
                paragraph if re.match(r"\s*([-*]|\d+\.) ", paragraph) else "")
    if wrong:
        sys.exit("\n".join(wrong))


def is_python(kind):
    return kind == "python" or at_most(kind) is not None


def conclude(count, wrong):
    print(f"{count} snippets, {len(wrong)} wrong")
    if wrong:
        sys.exit("\n".join(wrong))
    if count < 10:
        sys.exit("too few snippets: is the page read at all?")


# Runs blocks of one page, each under its own place; prints a mark after each.
PAGE = """
import json, linecache, sys
names = {"__name__": "__main__"}
for where, alone, text in json.load(sys.stdin):
    if alone:
        names = {"__name__": "__main__"}
    path, line = where.rsplit(":", 1)
    text = "\\n" * int(line) + text
    linecache.cache[path] = len(text), None, text.splitlines(True), path  # errors show their lines
    exec(compile(text, path, "exec"), names)
    print("\\0", end="", flush=True)
"""


def run_python(work):
    wrong, count = [], 0
    pages = {}
    for page, line, kind, text in blocks():
        pages.setdefault(page, []).append((f"{page}:{line}", kind, text))
    for page, found in pages.items():
        programs = [(where, at_most(kind) is not None, text) for where, kind, text in found
                    if is_python(kind)]
        if not programs:
            continue
        for where, kind, text in found:
            lines = sum(1 for line in text.splitlines() if line.strip())
            if at_most(kind) and lines > at_most(kind):
                wrong.append(f"{where}: {lines} lines, and {kind}")
        count += len(programs)
        done = subprocess.run(["python", "-W", "error", "-c", PAGE], input=json.dumps(programs),
                              cwd=work, capture_output=True, text=True)
        if done.returncode != 0:
            wrong.append(f"{page}: exit code {done.returncode}\n{done.stderr}")
            continue
        printed = dict(zip((where for where, _, _ in programs), done.stdout.split("\0")))
        for (where, kind, _), (after, follows, says) in zip(found, found[1:]):
            if not is_python(kind) or follows != "text":
                continue
            count += 1
            if difference := differs(says, printed[where]):
                wrong.append(f"{after}: {difference}")
    conclude(count, wrong)


def headings(page):
    """What a link may name on a page, as GitHub and the site make it of a heading."""
    text = re.sub(r"(?ms)^```.*?^```$", "", page.read_text(encoding="utf-8"))
    for heading in re.findall(r"(?m)^#+ (.*)$", text):
        heading = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        yield re.sub(r"[^\w\- ]", "", heading).replace(" ", "-")


def links():
    """Every relative link of the pages leads to a file, and to a heading of it if it names one."""
    wrong = []
    for page in PAGES:
        # Code is no prose: [](Array x) is a lambda.
        text = re.sub(r"(?ms)^```.*?^```$|`[^`\n]*`", "", page.read_text(encoding="utf-8"))
        for target, anchor in re.findall(r"\]\(([^)#\s]*)(?:#([^)\s]*))?[^)]*\)", text):
            path = (page.parent / target).resolve() if target else page
            if "://" in target:
                continue
            if not path.exists():
                wrong.append(f"{page.relative_to(ROOT)}: there is no {target}")
            elif anchor and path.suffix == ".md" and anchor not in headings(path):
                wrong.append(f"{page.relative_to(ROOT)}: {target or 'it'} has no #{anchor}")
    if wrong:
        sys.exit("\n".join(wrong))


def extract(kind, folder):
    found = [(f"{page}:{line}", text) for page, line, k, text in blocks() if k == kind]
    for number, (where, text) in enumerate(found):
        (pathlib.Path(folder) / f"{number}.{kind}").write_text(f"// {where}\n{text}", encoding="utf-8")
    if not found:
        sys.exit(f"no {kind} block")


if __name__ == "__main__":
    if sys.argv[1] == "list":
        for page, line, kind, _ in blocks():
            if kind == sys.argv[2]:
                print(f"{page}:{line}")
    elif sys.argv[1] == "links":
        links()
    elif sys.argv[1] == "kinds":
        kinds()
    elif sys.argv[1] == "run":
        run(*sys.argv[2:])
    elif sys.argv[1] == "python":
        run_python(sys.argv[2])
    else:
        extract(sys.argv[2], sys.argv[3])
