/* The templates of engines.c, as they are in the source tree. */
#ifndef MBHAUL_ENGINES_FILES_H
#define MBHAUL_ENGINES_FILES_H

#define ENGINES_TEXT extern const char __attribute__((visibility("hidden")))

ENGINES_TEXT engines_text_slurm[], engines_text_parallel[], engines_text_hosts[], engines_text_run_service[],
    engines_text_run_timer[], engines_text_token_service[], engines_text_token_socket[];

/* In the last two: what is the path of mbhaul-token after an installation from source. */
#define ENGINES_TOKEN_PROGRAM "/usr/local/bin/mbhaul-token"

#endif
