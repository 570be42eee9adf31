#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Every shell block of the document that the project began with, ../shared/process-model.md, in its order and unchanged
# but for fd/N/ctl, which Linux cannot walk to (fd/N.ctl is the same file). process_model/fixture.bash makes what they presume,
# and looks at what they did; process_model/NN.out is what block NN says, and what was found after it.
#   process_model.sh --write     writes that instead of comparing
set -u

cd "$TOP" || exit 1
document=../shared/process-model.md
[ -e "$document" ] || { echo "process-model.md is not here"; exit 77; }
. test/tour/needs.sh

# /bin of the root: what ships, and the document's own program.
cp -r "$BUILD/bin" "$TEST_TMP/bin"
clang-19 --target=wasm32-wasi -O1 -Wall -Wextra -Werror -o "$TEST_TMP/bin/myapp" test/process_model/myapp.c || exit 1
exec tools/blocks.sh ${1+"$1"} --fixture test/process_model/fixture.bash --sed 's|/fd/\([0-9]*\)/ctl|/fd/\1.ctl|g' \
    "$document" test/process_model --dir "$TEST_TMP/bin::/bin:ro"
