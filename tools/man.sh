#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Makes a manual page of a page of doc/, so that each fact stands in one place. What the pages use of Markdown is understood: headings,
# paragraphs, lists, tables, indented blocks, `code`, **bold**, links. A line that is only a link to another page, in a page of doc/man,
# stands for that page, one level down.
#
#   man.sh NAME SECTION VERSION PAGE.md
set -eu

name=$1 section=$2 version=$3 page=$4

# Puts in what a page wants put in; its headings are one level lower.
whole() {
    while IFS= read -r line || [ -n "$line" ]; do
        case $line in
        '['*'](../'*'.md)')
            file=${line#*\](}
            file=$(dirname "$page")/${file%)}
            sed 's/^#/##/' "$file"
            echo
            ;;
        *) printf '%s\n' "$line" ;;
        esac
    done <"$page"
}

whole | awk -v name="$name" -v section="$section" -v version="$version" '
    function literal(c) {
        if (c == "\\") return "\\e"
        if (c == "-") return "\\-"
        if (c == "\001") return "|"
        return c
    }
    # Text in one line, with its fonts.
    function inline(s,    out, i, c, code, bold, rest, text, link) {
        out = ""
        for (i = 1; i <= length(s); i++) {
            c = substr(s, i, 1)
            rest = substr(s, i)
            if (c == "`") {
                code = !code
                out = out (code ? "\\fB" : "\\fR")
            } else if (!code && substr(rest, 1, 2) == "**") {
                bold = !bold
                out = out (bold ? "\\fB" : "\\fR")
                i++
            } else if (!code && match(rest, /^\[[^]]*\]\([^)]*\)/)) {
                text = rest
                sub(/\].*/, "", text)
                link = rest
                sub(/^[^(]*\(/, "", link)
                sub(/\).*/, "", link)
                out = out inline(substr(text, 2)) (link ~ /^http/ ? " <" link ">" : "")
                i += RLENGTH - 1
            } else {
                out = out literal(c)
            }
        }
        return out
    }
    function raw(s,    out, i) {
        out = ""
        for (i = 1; i <= length(s); i++)
            out = out literal(substr(s, i, 1))
        return out
    }
    # A line of text that begins like a request is none.
    function put(s) { print (s ~ /^[.\047]/ ? "\\&" : "") s }
    function title(s) { gsub(/`/, "", s); return raw(s) }
    function section_begins(s) { print ".SH " s; fresh = 1 }
    # Only where nothing has begun a section yet: the first block of a page.
    function need_section(s) { if (!begun) { begun = 1; section_begins(s) } }

    function end_block(    s) {
        if (block == "text") {
            need_section("DESCRIPTION")
            if (!fresh) print ".PP"
            put(inline(text))
        } else if (block == "item") {
            print ".IP \\(bu 2"
            put(inline(text))
        } else if (block == "code") {
            print ".fi"
            print ".RE"
        }
        if (block != "") fresh = 0
        if (synopsis) { synopsis = 0; section_begins("DESCRIPTION") }
        block = ""
        text = ""
    }
    function cells(line,    n, i) {
        gsub(/\\\|/, "\001", line)
        sub(/^\| */, "", line)
        sub(/ *\| *$/, "", line)
        n = split(line, cell, / *\| */)
        return n
    }
    function row(line,    n, i) {
        n = cells(line)
        if (block != "table") {
            end_block()
            block = "table"
            need_section("DESCRIPTION")
            heads = n
            for (i = 1; i <= n; i++)
                head[i] = cell[i]
            return
        }
        if (cell[1] ~ /^:?-+:?$/) return
        print ".TP"
        put(inline(cell[1]))
        text = ""
        if (heads == 2) {
            text = inline(cell[2])
        } else {
            for (i = 2; i <= n; i++)
                if (cell[i] != "")
                    text = text (text == "" ? "" : "\n.br\n") (head[i] == "" || head[i] == "more" ? "" : "\\fI" head[i] ":\\fR ") inline(cell[i])
        }
        put(text == "" ? "\\&" : text)
        text = ""
    }

    FNR == 1 {
        sub(/^# */, "")
        brief = $0
        if (index(brief, name ": ") == 1) brief = substr(brief, length(name) + 3)
        upper = toupper(name)
        print ".TH " upper " " section " \"\" \"taskfs " version "\" \"taskfs\""
        print ".SH NAME"
        print raw(name) " \\- " title(brief)
        next
    }
    /^## /  { end_block(); begun = 1; section_begins(title(toupper(substr($0, 4)))); next }
    /^###+ / { end_block(); sub(/^#+ /, ""); print ".SS " title($0); fresh = 1; next }
    /^$/    { if (block == "code") blank++; else end_block(); next }
    /^\|/   { row($0); next }
    /^    / && (block == "" || block == "code") {
        if (block == "") {
            if (!begun) { begun = 1; print ".SH SYNOPSIS"; synopsis = 1 } else if (!fresh) print ".PP"
            print ".RS 4"
            print ".nf"
            block = "code"
        }
        for (; blank > 0; blank--) print ""
        put(raw(substr($0, 5)))
        next
    }
    {
        if (block == "code" || block == "table") { blank = 0; end_block() }
        if ($0 ~ /^- /) { end_block(); need_section("DESCRIPTION"); block = "item"; text = substr($0, 3); next }
        sub(/^ +/, "")
        if (block == "") block = "text"
        text = text (text == "" ? "" : " ") $0
    }
    END { end_block() }
'
