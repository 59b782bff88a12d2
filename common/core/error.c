/* Returns the words and sentences for errors. */
#include <lubdub/error.h>

const char *lubdub_error_name(enum lubdub_error error)
{
    switch (error) {
#define LUBDUB_ERROR_NAME(name, word, sentence) \
    case LUBDUB_ERROR_##name:                   \
        return word;
        LUBDUB_ERRORS(LUBDUB_ERROR_NAME)
#undef LUBDUB_ERROR_NAME
    }
    return "unknown";
}

const char *lubdub_error_text(enum lubdub_error error)
{
    switch (error) {
#define LUBDUB_ERROR_TEXT(name, word, sentence) \
    case LUBDUB_ERROR_##name:                   \
        return sentence;
        LUBDUB_ERRORS(LUBDUB_ERROR_TEXT)
#undef LUBDUB_ERROR_TEXT
    }
    return "unknown error";
}
