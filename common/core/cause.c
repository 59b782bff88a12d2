/* Returns the words for causes and reasons. */
#include <lubdub/cause.h>

const char *lubdub_cause_word(enum lubdub_cause cause)
{
    switch (cause) {
    case LUBDUB_CAUSE_NONE:
        return "none";
#define LUBDUB_CAUSE_WORD(name, code, word, sentence) \
    case LUBDUB_CAUSE_##name:                         \
        return word;
        LUBDUB_CAUSES(LUBDUB_CAUSE_WORD)
#undef LUBDUB_CAUSE_WORD
    }
    return "unknown";
}

const char *lubdub_cause_text(enum lubdub_cause cause)
{
    switch (cause) {
    case LUBDUB_CAUSE_NONE:
        return "nothing happened";
#define LUBDUB_CAUSE_TEXT(name, code, word, sentence) \
    case LUBDUB_CAUSE_##name:                         \
        return sentence;
        LUBDUB_CAUSES(LUBDUB_CAUSE_TEXT)
#undef LUBDUB_CAUSE_TEXT
    }
    return "unknown cause";
}

const char *lubdub_reason_word(uint64_t reason)
{
    switch (reason) {
#define LUBDUB_REASON_WORD(name, code, word) \
    case LUBDUB_REASON_##name:               \
        return word;
        LUBDUB_REASONS(LUBDUB_REASON_WORD)
#undef LUBDUB_REASON_WORD
    }
    return "unknown";
}

enum lubdub_cause lubdub_cause_of_bye(uint64_t reason)
{
    if (reason == LUBDUB_REASON_REPLACED) {
        return LUBDUB_CAUSE_REPLACED;
    }
    if (reason >= LUBDUB_REASON_PROTOCOL_ERROR && reason <= LUBDUB_REASON_HANDSHAKE_TIMEOUT) {
        return LUBDUB_CAUSE_REJECTED;
    }
    return LUBDUB_CAUSE_BYE;
}
