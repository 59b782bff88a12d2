# Makes page.c of server/http from the page's parts: cmake -D SOURCE=… -D TARGET=… -P EmbedFiles.cmake
#
# Style and script go into the page, and their hashes (SHA-256, base64) into its content security policy: a browser runs
# nothing else.

set(DIGITS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")

# 32 bytes in hexadecimal as base64: ten groups of three bytes, and two more.
function(base64_of_digest hex result)
    set(text "")
    foreach(group RANGE 10)
        math(EXPR at "${group} * 6")
        string(SUBSTRING "${hex}00" ${at} 6 bytes)
        math(EXPR bits "0x${bytes}")
        foreach(shift IN ITEMS 18 12 6 0)
            math(EXPR place "(${bits} >> ${shift}) & 63")
            string(SUBSTRING "${DIGITS}" ${place} 1 digit)
            string(APPEND text "${digit}")
        endforeach()
    endforeach()
    string(SUBSTRING "${text}" 0 43 text)
    set(${result} "${text}=" PARENT_SCOPE)
endfunction()

# The bytes of a file as the elements of an array.
function(bytes_of file result)
    file(READ "${file}" hex HEX)
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${hex}")
    set(${result} "${bytes}" PARENT_SCOPE)
endfunction()

file(READ "${SOURCE}/page.css" style)
file(READ "${SOURCE}/page.js" script)
file(READ "${SOURCE}/page.html" page)
string(SHA256 style_digest "${style}")
string(SHA256 script_digest "${script}")
base64_of_digest(${style_digest} style_hash)
base64_of_digest(${script_digest} script_hash)
string(REPLACE "@STYLE@" "${style}" page "${page}")
string(REPLACE "@SCRIPT@" "${script}" page "${page}")
file(WRITE "${TARGET}.html" "${page}")
bytes_of("${TARGET}.html" page_bytes)
bytes_of("${SOURCE}/openapi.json" openapi_bytes)

file(WRITE "${TARGET}" "/* Made by cmake/EmbedFiles.cmake. */
#include \"server/http/page.h\"

static const char page[] = {${page_bytes}};
static const char openapi[] = {${openapi_bytes}};

const struct page_file page_html = {
    page, sizeof page, \"text/html; charset=utf-8\",
    \"default-src 'none'; style-src 'sha256-${style_hash}'; script-src 'sha256-${script_hash}'; \"
    \"connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\",
};

const struct page_file page_openapi = {openapi, sizeof openapi, \"application/json; charset=utf-8\", NULL};
")
