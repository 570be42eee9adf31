/* SPDX-License-Identifier: MIT */
/*
 * Whole operations over a device that says WAIT, while the namespace changes underneath: they must come out as over one that does not.
 */
#include "test/waitdev.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "test/names.h"

/* What was done and what came of it. */
static char story[1 << 16];
static size_t story_len;

static void tell(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void tell(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    story_len += (size_t)vsnprintf(story + story_len, sizeof story - story_len, format, list);
    va_end(list);
    TRUE(story_len < sizeof story);
}

#define TELL(expr) tell("%s = %d\n", #expr, (int)(expr))
#define LOOK(path) tell("%s: %s\n", path, names_show(w, path))

static void walks_and_files(World *w)
{
    TELL(names_mkdir(w, "/w/a"));
    TELL(names_mkdir(w, "/w/a/b"));
    TELL(names_mkdir(w, "/w/a"));
    TELL(world_write(w, "/w/a/b/x", "one"));
    TELL(world_write(w, "/w/a/y", "two"));
    TELL(names_symlink(w, "a/b", "/w/l"));
    TELL(names_symlink(w, "/w/l/../y", "/w/m"));
    LOOK("/w/l/x");
    LOOK("/w/m/");
    TELL(names_open(w, "/w/m", OPEN_READ | OPEN_WRITE));
    TELL(names_open(w, "/w/n", OPEN_WRITE | OPEN_CREATE | OPEN_EXCL));
    TELL(names_open(w, "/w/n", OPEN_WRITE | OPEN_CREATE | OPEN_EXCL));
    TELL(names_link(w, "/w/n", "/w/a/n"));
    TELL(names_rename(w, "/w/n", "/w/a/y"));
    TELL(names_rename(w, "/w/a/b", "/w/c"));
    TELL(names_rename(w, "/w/a", "/w/c/a"));
    TELL(names_rename(w, "/w/c", "/w/c/a/d"));
    TELL(names_chmod(w, "/w/c/x", 0600));
    TELL(names_mode(w, "/w/c/x"));
    TELL(names_unlink(w, "/w/c/x"));
    TELL(names_rmdir(w, "/w/c"));
    LOOK("/w");
    LOOK("/w/c");
    LOOK("/w/c/a");
    LOOK("/w/l");
    TELL(names_mode(w, "/w/l/x"));
}

static void namespaces(World *w)
{
    for (char c = 'p'; c <= 'r'; c++) {
        char path[8] = "/w/";
        path[3] = c;
        TELL(names_mkdir(w, path));
        strcat(path, "/");
        path[5] = c;
        TELL(world_write(w, path, path + 3));
        path[5] = 'z';
        TELL(world_write(w, path, path + 3));
    }
    TELL(names_ctl(w, NULL, "bind -b /w/q /w/p"));
    TELL(names_ctl(w, NULL, "bind -a -c /w/r /w/p"));
    LOOK("/w/p");
    LOOK("/w/p/z");
    TELL(world_write(w, "/w/p/new", "made"));
    LOOK("/w/r/new");
    TELL(names_rename(w, "/w/p/new", "/w/p/newer"));
    TELL(names_rename(w, "/w/p/p", "/w/p/q2"));
    TELL(names_unlink(w, "/w/p/newer"));
    TELL(names_ctl(w, NULL, "bind -r /w /g/deep/w"));
    LOOK("/g/deep/w");
    LOOK("/g/deep/w/p");
    TELL(names_mkdir(w, "/g/deep/w/no"));
    TELL(names_ctl(w, NULL, "hide /w/q/z"));
    LOOK("/w/p");
    LOOK("/g/deep/w/p/z");
    TELL(names_ctl(w, NULL, "unbind /w/q /w/p"));
    LOOK("/w/p");
    TELL(names_rmdir(w, "/w/p"));
    TELL(names_ctl(w, NULL, "unbind /w/p"));
    TELL(names_ctl(w, NULL, "bind /w/p/p /w/r/r"));
    LOOK("/w/r/r");
    tell("%s", names_binds(w, NULL));
    TELL(names_ctl(w, NULL, "bind /nothing /w/p"));
    TELL(names_ctl(w, NULL, "bind /w/q /w/p/p"));
}

/* What others do to the namespace while a call waits: nothing that the story tells of, but its state is another one. */
static void change_other_names(void *arg)
{
    static unsigned n;
    World *w = arg, other = *w;
    Call call;
    other.call = &call;
    call_init(&call, w->root);
    OK(names_ctl(&other, NULL, "bind /o /others/%u", n++ % 50));
    call_destroy(&call);
}

static void play(void (*tale)(World *w), const WaitPlan *plan, bool changes, char *told)
{
    World w = world("/o/x=1");
    WaitPlan mine = plan == NULL ? (WaitPlan){ 0 } : *plan;
    File *root = NULL;
    story_len = 0;
    OK(waitdev_new(w.call, &root));
    int r;
    CALL_RUN(w.call, r, ns_mount(w.call, walk_self(w.call), root, "wait", "/w", BIND_CREATE));
    OK(r);
    file_put(root);
    OK(names_ctl(&w, NULL, "bind /o /others/here"));
    if (changes) {
        mine.meanwhile = change_other_names;
        mine.arg = &w;
    }
    waitdev_plan(&mine);
    tale(&w);
    TRUE(plan == NULL || waitdev_waits() > 0);
    waitdev_plan(NULL);
    OK(names_ctl(&w, NULL, "clear"));
    workers_drain();
    world_end(&w);
    memcpy(told, story, story_len + 1);
}

/* Lines of binds are told too: without those of the others. */
static void drop_others(char *told)
{
    char *to = told;
    for (char *line = told; *line != '\0';) {
        size_t n = strcspn(line, "\n") + 1;
        if (strncmp(line, "/o /others", 10) != 0) {
            memmove(to, line, n);
            to += n;
        }
        line += n;
    }
    *to = '\0';
}

static void same_story(void (*tale)(World *w), const WaitPlan *plan)
{
    static char plain[sizeof story], told[sizeof story];
    play(tale, NULL, false, plain);
    drop_others(plain);
    for (unsigned changes = 0; changes < 2; changes++) {
        play(tale, plan, changes, told);
        drop_others(told);
        STR_EQ(told, plain);
    }
}

static void every(void (*tale)(World *w))
{
    static const unsigned n[] = { 11, 12, 13, 14, 15, 16, 17, 23, 50 };
    for (unsigned i = 0; i < sizeof n / sizeof n[0]; i++)
        same_story(tale, &(WaitPlan){ .every = n[i] });
}

TEST_SLOW(names_and_files_over_a_device_that_waits, 60)
{
    every(walks_and_files);
}
TEST_SLOW(namespaces_over_a_device_that_waits, 60)
{
    every(namespaces);
}

TEST_SLOW(names_and_files_over_a_remote_device, 30)
{
    same_story(walks_and_files, &(WaitPlan){ .every = 1, .remote = true });
}
TEST_SLOW(namespaces_over_a_remote_device, 30)
{
    same_story(namespaces, &(WaitPlan){ .every = 1, .remote = true });
}

TEST_SLOW(waits_that_end_by_another_thread, 60)
{
    same_story(walks_and_files, &(WaitPlan){ .every = 12, .from_worker = true });
    same_story(namespaces, &(WaitPlan){ .every = 1, .remote = true, .from_worker = true });
}

/* A walk goes by the names that it began with. */
static void hide_below(void *arg)
{
    World *w = arg, other = *w;
    Call call;
    other.call = &call;
    call_init(&call, w->root);
    names_ctl(&other, NULL, "bind /o /w/a/b");
    call_destroy(&call);
}

TEST(a_walk_that_waits_keeps_the_names_it_began_with)
{
    World w = world("/o/x=1");
    File *root = NULL;
    OK(waitdev_new(w.call, &root));
    OK(RUN_CALL(ns_mount(w.call, walk_self(w.call), root, "wait", "/w", 0)));
    file_put(root);
    OK(names_mkdir(&w, "/w/a"));
    OK(names_mkdir(&w, "/w/a/b"));
    OK(world_write(&w, "/w/a/b/y", "2"));
    waitdev_plan(&(WaitPlan){ .every = 1, .remote = true, .meanwhile = hide_below, .arg = &w });
    AUTO_CHAN Chan *ch = NULL;
    OK(names_walk(&w, "/w/a/b/y", 0, &ch));
    waitdev_plan(NULL);
    EQ(names_mode(&w, "/w/a/b/y"), -ENOENT);
    chan_put(STEAL(ch));
    OK(names_ctl(&w, NULL, "clear"));
    world_end(&w);
}

/* An interrupted wait leaves nothing behind. */
static void interrupt(void *arg)
{
    World *w = arg;
    call_interrupt(w->call);
}

TEST(interrupted_at_every_wait)
{
    World w = world("/o/x=1");
    File *root = NULL;
    OK(waitdev_new(w.call, &root));
    OK(RUN_CALL(ns_mount(w.call, walk_self(w.call), root, "wait", "/w", 0)));
    file_put(root);
    OK(names_mkdir(&w, "/w/a"));
    OK(names_mkdir(&w, "/w/b"));
    OK(names_ctl(&w, NULL, "bind -a -c /w/b /w/a"));
    for (unsigned n = 1; n < 12; n++) {
        waitdev_plan(&(WaitPlan){ .every = n, .from_worker = true, .meanwhile = interrupt, .arg = &w });
        int r = names_mkdir(&w, "/w/a/d");
        TRUE(r == -EINTR || r == 0 || r == -EEXIST);
        r = world_write(&w, "/w/a/f", "1");
        TRUE(r == -EINTR || r == 0);
        r = names_rename(&w, "/w/a/f", "/w/a/g");
        TRUE(r == -EINTR || r == 0 || r == -ENOENT);
        r = names_ctl(&w, NULL, "bind /w/a /w/k%u", n);
        TRUE(r == -EINTR || r == 0);
        names_show(&w, "/w/a");
        workers_drain();
    }
    waitdev_plan(NULL);
    OK(names_ctl(&w, NULL, "clear"));
    world_end(&w);
}
