/* SPDX-License-Identifier: MIT */
/*
 * Growing text, quoting, and the files that are made of it: a synthetic file's open state keeps the text made at the
 * read of offset 0 and, for a control file, the line that is not finished yet.
 */
#ifndef KERN_TEXT_H
#define KERN_TEXT_H

#include "kern/call.h"
#include "kern/kern.h"

typedef struct Text {
    char *s;                        /* owned; len bytes, then a NUL; NULL when empty */
    size_t len, size;
    bool failed;                    /* an allocation failed: text_ok says so once, at the end */
} Text;

void text_add(Text *t, const void *s, size_t n);
void text_put(Text *t, const char *s);
void text_printf(Text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A word as ctl_split takes it back: bare when it is plain, else in single quotes, or $'...' when it holds a newline. */
void text_quoted(Text *t, const char *s);
static inline int text_ok(const Text *t)
{
    return t->failed ? -ENOMEM : 0;
}
void text_free(Text *t);

/* ---- control lines ---------------------------------------------------------------------------------------------- */

#define CTL_LINE_MAX 65536

/*
 * Splits a line in place into words: blanks separate, POSIX single and double quotes and $'...' (\n \t \r \\ \' \" \a \b \e \f \v \xHH \NNN),
 * a backslash outside quotes takes the next character. line[len] can be written. Returns the number of words, or
 *   -EINVAL  a quote is not closed, or a NUL inside    -E2BIG  more than max words
 */
int ctl_split(char *line, size_t len, char **argv, int max);

typedef struct CtlVerb {
    const char *name;
    int min, max;                   /* arguments behind the verb; max -1: any number */
    int (*run)(Call *c, void *object, int argc, char **argv);   /* argv[0] is the verb */
    const char *help;               /* "kill N|NAME [tree|group]  send a signal" for the file that lists them */
} CtlVerb;

/* Splits line, finds the verb among n, checks the number of arguments (EINVAL with words), runs it. An empty line does nothing. */
int ctl_run(Call *c, const CtlVerb *verbs, size_t n, void *object, char *line, size_t len);
/* The verbs, one a line with their help. */
void ctl_help(const CtlVerb *verbs, size_t n, Text *out);

/* Numbers as the interface has them: decimal, whole word; sizes take K M G (1024-based). -EINVAL. A verb that
 * allows "max" looks for it first. */
int parse_u64(const char *s, uint64_t *out);
int parse_i64(const char *s, int64_t *out);
int parse_size(const char *s, uint64_t *out);

/* ---- the open state of a synthetic file ------------------------------------------------------------------------- */

typedef struct SynFile {
    Mutex lock;                     /* RANK_CHAN */
    Account *account;               /* owned or NULL: who opened it, and pays for what is kept with it */
    size_t charged;                 /* for the text */
    Text text;                      /* made at the last read of offset 0 */
    char *line;                     /* the unfinished line, owned */
    size_t line_len;
    bool overflow;                  /* the line passed CTL_LINE_MAX: E2BIG until its newline */
    uint64_t value[2];              /* the device's own (an id made by reading `new`) */
    void *held;                     /* the device's own */
} SynFile;

SynFile *syn_new(Account *a);       /* a may be NULL. NULL without memory */
void syn_free(SynFile *f);

/* A text file's read: makes the text at offset 0 (make returns 0, WAIT or an error, and fills *out), then serves it. */
int64_t syn_read(Call *c, SynFile *f, void *buf, size_t n, uint64_t off, int (*make)(Call *c, void *arg, Text *out),
                 void *arg);

/*
 * A control file's write: whole lines run at once, the rest is kept. A line that fails fails the write with its errno, the rest of
 * that write is dropped; lines before it have taken effect. A line that WAITs goes on at the next try (c->done).
 */
typedef int LineFn(Call *c, void *arg, char *line, size_t len);
int64_t syn_write(Call *c, SynFile *f, const void *buf, size_t n, LineFn *run, void *arg);
/* The last holder lets go: runs what is unfinished. */
int syn_flush(Call *c, SynFile *f, LineFn *run, void *arg);

#endif
