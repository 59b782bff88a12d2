/* Files that are built into the program: the page with its style and script, and the description of the interface. */
#ifndef LUBDUB_SERVER_HTTP_PAGE_H
#define LUBDUB_SERVER_HTTP_PAGE_H

#include <stddef.h>

struct page_file {
    const char *bytes;
    size_t length;
    const char *type;
    const char *policy; /* the content security policy, with the hashes of style and script; NULL: none of its own */
};

extern const struct page_file page_html;
extern const struct page_file page_openapi;

#endif
