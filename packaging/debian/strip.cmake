# Run by CPack on what it has gathered: takes away what Debian's packages do not carry. Static libraries lose the compiler's
# intermediate form, which only the same compiler can read; their ordinary code stays.

set(sections --remove-section=.comment --remove-section=.note)
file(GLOB_RECURSE files ${CPACK_TEMPORARY_DIRECTORY}/*)
foreach(file IN LISTS files)
    if(IS_SYMLINK ${file})
        continue()
    endif()
    file(READ ${file} magic LIMIT 8 HEX)
    if(magic MATCHES "^7f454c46")
        execute_process(COMMAND strip --strip-unneeded ${sections} ${file} COMMAND_ERROR_IS_FATAL ANY)
    elseif(magic STREQUAL "213c617263683e0a") # "!<arch>\n"
        execute_process(COMMAND_ERROR_IS_FATAL ANY COMMAND strip --strip-debug --enable-deterministic-archives ${sections}
            --wildcard --remove-section=.gnu.lto_* --remove-section=.gnu.debuglto_* --strip-symbol=__gnu_lto_*
            ${file})
    endif()
endforeach()
