#include "report.h"

/*
 * Style and script of the page, as they are in driver/report/. The assembler looks for them from the folder
 * where the compiler runs, which is the top of the source tree. The Makefile has the dependency.
 */
#define EMBED(symbol, file)                                                                                  \
	__asm__(".section .rodata\n"                                                                         \
	        ".hidden " #symbol "\n"                                                                      \
	        ".global " #symbol "\n" #symbol ":\n"                                                        \
	        ".incbin \"driver/report/" file "\"\n"                                                       \
	        ".byte 0\n"                                                                                  \
	        ".text\n")

EMBED(report_style, "report.css");
EMBED(report_script, "report.js");
