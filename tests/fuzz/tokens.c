/*
 * A file of tokens, and the look-up that a server makes of it: every token of the file is found, with the identities
 * that its line names; any other is refused.
 */
#include <string.h>

#include "fuzz.h"
#include "memory_file.h"
#include "program/settings/token_file.h"
#include "server/library/tokens.h"

static void check_file(const struct lubdub_token_file *file)
{
    size_t i;

    CHECK(file->count > 0);
    for (i = 0; i < file->count; i++) {
        CHECK(file->tokens[i].length >= 1 && file->tokens[i].length <= LUBDUB_TOKEN_LIMIT);
        CHECK(memchr(file->tokens[i].data, '\n', file->tokens[i].length) == NULL);
        CHECK(memchr(file->tokens[i].data, ' ', file->tokens[i].length) == NULL);
        CHECK(file->patterns[i].data == NULL || file->patterns[i].length >= 1);
    }
}

static void check_look_up(const struct lubdub_token_file *file)
{
    static const char wrong[] = "this is the token of nobody";
    const struct lubdub_slice nobody = {wrong, sizeof wrong - 1};
    const struct lubdub_slice none = {NULL, 0};
    static const uint64_t key[2] = {1, 2};
    struct lubdub_tokens tokens = {0};
    uint64_t proof;
    size_t i;

    if (!lubdub_tokens_init(&tokens, key, file->tokens, file->patterns, file->count)) {
        return;
    }
    for (i = 0; i < file->count && i < 64; i++) {
        struct lubdub_slice cut = {file->tokens[i].data, file->tokens[i].length - 1};

        if (file->patterns[i].data == NULL) {
            CHECK(lubdub_tokens_refuse(&tokens, file->tokens[i], none, &proof) == NULL);
            CHECK(lubdub_tokens_admit(&tokens, proof, none));
        }
        (void)lubdub_tokens_refuse(&tokens, cut, nobody, &proof);
    }
    CHECK(lubdub_tokens_refuse(&tokens, nobody, none, &proof) != NULL);
    CHECK(lubdub_tokens_refuse(&tokens, none, none, &proof) != NULL);
    lubdub_tokens_clear(&tokens);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lubdub_token_file file = {0};
    char problem[512] = "";

    if (lubdub_token_file_read(&file, memory_file(data, size), "--token-file", problem, sizeof problem)) {
        check_file(&file);
        check_look_up(&file);
    } else {
        CHECK(file.count == 0 && strlen(problem) > 0 && strchr(problem, '\n') == NULL);
    }
    lubdub_token_file_clear(&file);
    return 0;
}
