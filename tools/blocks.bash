# SPDX-License-Identifier: MIT
#
# The part of blocks.sh that runs on the mounted root: each block is typed into this one shell, command by command.
# Names of our own begin with "blocks_", so that no block meets them.
blocks_mode=$1
blocks_at=$(dirname "$0")

blocks_show() {
    [ "$blocks_mode" != show ] || printf '%s\n' "$1"
}

blocks_hook() {
    ! declare -F "$1" >/dev/null || "$1"
}

# What an interactive bash says has no name of a file and no line in it. filter_N is the fixture's.
blocks_filter() {
    sed 's/^[^ ]*blocks\.bash: line [0-9]*: /bash: /' |
        if declare -F "filter_$1" >/dev/null; then "filter_$1"; else cat; fi
}

[ ! -e "$blocks_at/fixture.bash" ] || . "$blocks_at/fixture.bash"
for blocks_file in "$blocks_at"/block/*.sh; do
    blocks_name=$(basename "$blocks_file" .sh)
    blocks_number=$((10#$blocks_name))
    blocks_said=$blocks_at/said/$blocks_name
    [ ! -e "${blocks_file%.sh}.title" ] || blocks_show $'\n'"== $(cat "${blocks_file%.sh}.title")"
    blocks_show
    : >"$blocks_said"
    blocks_hook "before_$blocks_number" >/dev/null </dev/null

    # Lines are taken together until they are a whole command, as where bash is typed to.
    mapfile -t blocks_lines <"$blocks_file"
    blocks_command= blocks_prompt='$ '
    for blocks_line in "${blocks_lines[@]}"; do
        blocks_show "$blocks_prompt$blocks_line"
        blocks_command+=$blocks_line$'\n' blocks_prompt='> '
        [ -z "$(bash -n <<<"$blocks_command" 2>&1)" ] || continue
        blocks_before=$(stat -c %s "$blocks_said")
        eval "$blocks_command" >>"$blocks_said" 2>&1 </dev/null
        [ "$blocks_mode" != show ] || tail -c "+$((blocks_before + 1))" "$blocks_said" | blocks_filter 0
        blocks_command= blocks_prompt='$ '
    done
    [ -z "$blocks_command" ] || eval "$blocks_command" >>"$blocks_said" 2>&1 </dev/null

    blocks_hook "after_$blocks_number" >>"$blocks_said" 2>&1 </dev/null
    blocks_filter "$blocks_number" <"$blocks_said" >"$blocks_said.out"
done
exit 0
