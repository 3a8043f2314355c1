/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How many definitions a second are read and written: bench-domain-xml FILE [ROUNDS]. */

#include <malloc.h>
#include <stdio.h>
#include <time.h>

#include "model/domain.h"

enum { TEXT_MAX = 1024 * 1024, ROUNDS = 2000 };

static double now(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static char *read_text(const char *path)
{
        _vh_free_ char *text = vh_xcalloc(TEXT_MAX, 1);
        FILE *f = fopen(path, "re");

        if (!f || fread(text, 1, TEXT_MAX - 1, f) == 0) {
                perror(path);
                exit(1);
        }
        fclose(f);
        return VH_TAKE_PTR(text);
}

static void bench_parse(const char *text, unsigned rounds, VhDomainDef **defs)
{
        double start = now();
        size_t before = mallinfo2().uordblks;

        for (unsigned i = 0; i < rounds; i++) {
                _vh_error_ VhError *err = NULL;
                int r = vh_domain_def_parse(&defs[i], text, VH_XML_INACTIVE | VH_DOMAIN_TRUSTED, NULL, &err);

                if (r < 0) {
                        fprintf(stderr, "%s\n", vh_error_text(err, r));
                        exit(1);
                }
        }
        printf("parse:  %.1f us, %zu bytes each\n", (now() - start) / rounds * 1e6,
               (mallinfo2().uordblks - before) / rounds);
}

static void bench_format(VhDomainDef *const *defs, unsigned rounds)
{
        double start = now();

        for (unsigned i = 0; i < rounds; i++)
                free(vh_domain_def_format(defs[i], VH_XML_INACTIVE));
        printf("format: %.1f us\n", (now() - start) / rounds * 1e6);
}

int main(int argc, char **argv)
{
        unsigned rounds = ROUNDS;
        _vh_free_ VhDomainDef **defs = NULL;
        _vh_free_ char *text = NULL;

        if (argc < 2 || (argc > 2 && vh_parse_uint(argv[2], &rounds) < 0) || !rounds) {
                fprintf(stderr, "usage: bench-domain-xml FILE [ROUNDS]\n");
                return 2;
        }
        text = read_text(argv[1]);
        defs = vh_new(VhDomainDef *, rounds);
        bench_parse(text, rounds, defs);
        bench_format(defs, rounds);
        for (unsigned i = 0; i < rounds; i++)
                vh_domain_def_free(defs[i]);
        return 0;
}
