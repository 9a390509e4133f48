"""What MkDocs does not do by itself: generated pages, links out of docs/, fences with a note.

Generated pages are made in memory while the site is built; nothing is written into docs/.
"""
import os
import pathlib
import re
import subprocess
import sys

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(HERE))

import cpp_reference  # noqa: E402
import python_reference  # noqa: E402


def on_config(config):
    """The decisions are in the navigation by their number."""
    decisions = sorted(p.relative_to(ROOT / "docs").as_posix() for p in (ROOT / "docs/decisions").glob("0*.md"))
    for entry in config.nav:
        if "Decisions" in entry:
            entry["Decisions"] = ["decisions/README.md", *decisions]
    return config


def command_line_page():
    """`--help` of the program and of each of its commands."""
    program = [os.environ["COTANGENT_PYTHON"], "-m", "cotangent"]

    def help_of(*arguments):
        done = subprocess.run([*program, *arguments, "--help"], capture_output=True, text=True)
        if done.returncode != 0 or not done.stdout.strip():
            raise PluginError(f"cotangent {' '.join(arguments)} --help: exit code {done.returncode}\n{done.stderr}")
        return f"```text\n{done.stdout.rstrip()}\n```\n"

    whole = help_of()
    page = ("# What `--help` says\n\nMade by running the program. "
            "[The command line](../cli.md) explains it.\n\n" + whole)
    listed = re.search(r"(?m)^Subcommands:\n((?: .*\n)+)", whole)
    commands = re.findall(r"(?m)^ {1,4}(\w[\w-]*)", listed.group(1)) if listed else []
    if not commands:
        raise PluginError("cotangent --help lists no subcommands")
    for command in commands:
        page += f"\n## {command}\n\n{help_of(command)}"
    return page


def packages():
    """The folder that has the installed package; scripts/build_site says where."""
    return os.environ["COTANGENT_SITE_PACKAGES"]


def on_files(files, config):
    def add(path, text):
        files.append(File.generated(config, path, content=text))

    try:
        for name, text in cpp_reference.pages(ROOT):
            add(f"reference/cpp/{name}.md", text)
        for name, text in python_reference.pages(packages()):
            add(f"reference/python/{name}.md", text)
    except ValueError as error:
        raise PluginError(str(error)) from error
    add("reference/command_line.md", command_line_page())
    for example in sorted((ROOT / "examples").rglob("*")):
        if example.is_file():
            path = example.relative_to(ROOT).as_posix()
            files.append(File.generated(config, path, abs_src_path=str(example)))
    return files


def on_page_markdown(markdown, page, config, files):
    up = "../" * page.file.src_uri.count("/")
    # `toml refused`, `text not run: why`: what tests/docs/snippets.py reads is not for readers.
    markdown = re.sub(r"(?m)^( *```\w+) [^\n{]*$", r"\1", markdown)
    # Out of docs/: the README is the first page here, examples are files of the site, other files of
    # the repository are named and not led to.
    markdown = re.sub(rf"\]\({re.escape(up)}\.\./README\.md(#[^)]*)?\)", f"]({up}index.md)", markdown)
    markdown = re.sub(rf"\]\({re.escape(up)}\.\./(examples/[^)]*)\)", rf"]({up}\1)", markdown)
    return re.sub(rf"(?<!!)\[([^\]\n]*)\]\({re.escape(up)}\.\./[^)]*\)", r"\1", markdown)


def on_page_content(html, page, config, files):
    """Docstrings name pages as they are in the repository; here these are links."""
    if not page.file.src_uri.startswith("reference/python/"):
        return html

    def link(found):
        if files.get_file_from_path(found.group(1) + ".md") is None:
            raise PluginError(f"a docstring on {page.file.src_uri} names docs/{found.group(1)}.md, which is not there")
        return f'<a href="../../{found.group(1)}.html">{found.group(1)}</a>'

    return re.sub(r"\bdocs/([\w/-]+)\.md\b", link, html)


#: What the theme would fetch from elsewhere, so that its search works from file://; ours is local.
SHIM = re.compile(r'<script src="https://[^"]*/iframe-worker/shim"></script>')
ELSEWHERE = re.compile(r'<(?:script|link|img|iframe|source)\b[^>]*?\b(?:src|href)="(?:https?:)?//'
                       r'(?!127\.0\.0\.1[:/])[^"]*"')


def on_post_page(output, page, config):
    """Nothing is fetched from elsewhere: the site works without a network."""
    up = "../" * page.file.dest_uri.count("/")
    output, count = SHIM.subn(f'<script src="{up}site/frame_worker.js"></script>', output)
    if count != 1:
        raise PluginError("the theme's script for workers in files is not where it was")
    if found := ELSEWHERE.search(output):
        raise PluginError(f"{page.file.src_uri} fetches from elsewhere: {found.group(0)}")
    return output
