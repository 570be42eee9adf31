/* SPDX-License-Identifier: MIT */
/*
 * Words of errors: what /task/ID/error says. For each of the last few writers the words of its last failed write, and what
 * the task itself said when it did not start, or trapped.
 */
#include <string.h>

#include "kern/life.h"

enum { NOTES = 8 };                 /* writers remembered, the last ones */

typedef struct Note {
    struct Note *next;              /* the latest first */
    uint64_t writer;
    char *words;                    /* owned */
} Note;

static void note_free(Note *n)
{
    if (n == NULL)
        return;
    mem_free(n->words);
    mem_free(n);
}

void notes_free(Note *n)
{
    for (Note *next; n != NULL; n = next) {
        next = n->next;
        note_free(n);
    }
}

/* Unlinks the writer's own, else the oldest when there are enough. */
static Note *note_take(Task *t, uint64_t writer)
{
    unsigned n = 0;
    Note **at = &t->notes;
    while (*at != NULL && (*at)->writer != writer && (n < NOTES - 1 || (*at)->next != NULL)) {
        at = &(*at)->next;
        n++;
    }
    Note *found = *at;
    if (found != NULL)
        *at = found->next;
    return found;
}

/* Without memory there are no words; that is all. */
void task_note_failure(Call *c, Task *t)
{
    if (c->words[0] == '\0')
        return;
    Note *n = mem_alloc(sizeof *n);
    char *words = mem_dup(c->words, strlen(c->words));
    if (n == NULL || words == NULL) {
        mem_free(n);
        mem_free(words);
        return;
    }
    n->writer = c->task->id;
    n->words = words;
    mutex_lock(&t->lock);
    Note *old = note_take(t, n->writer);
    n->next = t->notes;
    t->notes = n;
    mutex_unlock(&t->lock);
    note_free(old);
}

void task_set_error(Task *t, const char *words)
{
    char *copy = mem_dup(words, strlen(words));
    if (copy == NULL)
        return;
    mutex_lock(&t->lock);
    char *old = t->error;
    t->error = copy;
    mutex_unlock(&t->lock);
    mem_free(old);
}

int task_error_text(Call *c, Task *t, Text *out)
{
    mutex_lock(&t->lock);
    const Note *n = t->notes;
    while (n != NULL && n->writer != c->task->id)
        n = n->next;
    const char *words = n != NULL ? n->words : t->error;
    if (words != NULL) {
        text_put(out, words);
        text_put(out, "\n");
    }
    mutex_unlock(&t->lock);
    return text_ok(out);
}
