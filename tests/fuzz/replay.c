/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* main() of a fuzz target in a normal build: runs the target on every file of the folders and files it is given, on
 * every prefix-shortened form of small ones, and on nothing at all. */

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Inputs up to this size are also tried cut short at a few places. */
enum { CUT_MAX = 4096, CUTS = 8 };

static unsigned replayed;

/* A copy of exactly that size, so that the address sanitizer sees every read behind its end. */
static void run(const uint8_t *data, size_t size)
{
        uint8_t *copy = malloc(size ? size : 1);

        if (!copy)
                abort();
        if (size)
                memcpy(copy, data, size);
        LLVMFuzzerTestOneInput(copy, size);
        free(copy);
        replayed++;
}

static void replay_data(const uint8_t *data, size_t size)
{
        run(data, size);
        for (size_t i = 1; size <= CUT_MAX && i < CUTS; i++)
                run(data, size * i / CUTS);
}

static bool replay_file(const char *path, size_t size)
{
        FILE *f = fopen(path, "rb");
        uint8_t *data = malloc(size ? size : 1);
        bool ok = f && data && fread(data, 1, size, f) == size;

        if (ok)
                replay_data(data, size);
        else
                fprintf(stderr, "%s: %s\n", path, strerror(errno));
        if (f)
                fclose(f);
        free(data);
        return ok;
}

static bool replay(const char *path);

static bool replay_folder(const char *path)
{
        DIR *dir = opendir(path);
        struct dirent *e;
        bool ok = dir != NULL;

        while (ok && (e = readdir(dir))) {
                char *child = NULL;

                if (e->d_name[0] == '.')
                        continue;
                ok = asprintf(&child, "%s/%s", path, e->d_name) >= 0 && replay(child);
                free(child);
        }
        if (dir)
                closedir(dir);
        return ok;
}

static bool replay(const char *path)
{
        struct stat st;

        if (stat(path, &st) < 0) {
                fprintf(stderr, "%s: %s\n", path, strerror(errno));
                return false;
        }
        return S_ISDIR(st.st_mode) ? replay_folder(path) : replay_file(path, (size_t)st.st_size);
}

int main(int argc, char **argv)
{
        bool ok = true;

        run((const uint8_t *)"", 0);
        for (int i = 1; i < argc && ok; i++)
                ok = replay(argv[i]);
        printf("%u inputs replayed\n", replayed);
        return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
