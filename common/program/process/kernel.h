/* What of the kernel matters to a program of ours. */
#ifndef LUBDUB_PROGRAM_PROCESS_KERNEL_H
#define LUBDUB_PROGRAM_PROCESS_KERNEL_H

/* Says in the log, at level debug, what this kernel lacks. Below that level it does not ask. */
void lubdub_log_kernel(void);

#endif
