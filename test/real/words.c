/* SPDX-License-Identifier: MIT */
/*
 * Counts the words of its input, each once, in order, and leaves the sum in a file: enough of a C library for a
 * compiler to have worked. Exits with the number of its arguments.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Word {
    char text[32];
    int n;
} Word;

static int by_text(const void *a, const void *b)
{
    return strcmp(((const Word *)a)->text, ((const Word *)b)->text);
}

int main(int argc, char **argv)
{
    Word *words = NULL;
    size_t n = 0;
    char text[32];
    while (scanf("%31s", text) == 1) {
        size_t i = 0;
        for (char *p = text; *p != '\0'; p++)
            *p = (char)tolower((unsigned char)*p);
        while (i < n && strcmp(words[i].text, text) != 0)
            i++;
        if (i == n) {
            words = realloc(words, ++n * sizeof *words);
            if (words == NULL)
                return 99;
            strcpy(words[i].text, text);
            words[i].n = 0;
        }
        words[i].n++;
    }
    qsort(words, n, sizeof *words, by_text);
    for (size_t i = 0; i < n; i++)
        printf("%s %d, %.1f%%\n", words[i].text, words[i].n, 100.0 * words[i].n / (double)n);
    FILE *f = fopen("sum", "w");
    if (f == NULL || fprintf(f, "%zu words, %s\n", n, argc > 1 ? argv[1] : "no argument") < 0 || fclose(f) != 0)
        return 99;
    return argc;
}
