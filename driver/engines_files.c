#include "driver/engines_files.h"

/* The assembler looks for them from the folder where the compiler runs, which is the top of the source tree.
 * The Makefile has the dependency. */
#define EMBED(symbol, file)                                                                                  \
	__asm__(".section .rodata\n"                                                                         \
	        ".hidden " #symbol "\n"                                                                      \
	        ".global " #symbol "\n" #symbol ":\n"                                                        \
	        ".incbin \"" file "\"\n"                                                                     \
	        ".byte 0\n"                                                                                  \
	        ".text\n")

EMBED(engines_text_slurm, "driver/engines/slurm.sbatch");
EMBED(engines_text_parallel, "driver/engines/parallel.sh");
EMBED(engines_text_hosts, "driver/engines/hosts");
EMBED(engines_text_run_service, "driver/engines/mbhaul-run.service");
EMBED(engines_text_run_timer, "driver/engines/mbhaul-run.timer");
EMBED(engines_text_token_service, "contrib/systemd/mbhaul-token.service");
EMBED(engines_text_token_socket, "contrib/systemd/mbhaul-token.socket");
