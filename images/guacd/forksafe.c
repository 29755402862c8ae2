/*
 * Loaded before guacd 1.3.0, whose parent has a thread for each connection and forks in it. Two of its faults show when
 * connections begin and end at the same moment, as when a class opens its links.
 *
 * 1. A child that is forked while another thread is inside syslog() inherits glibc's lock as held, and waits for it for
 *    ever at its first line of log. Nobody reads syslog in a container, since guacd writes each line to standard error too.
 * 2. When a child has ended, the parent closes its socket to it twice: guacd_proc_stop() by shutdown() and close(), and
 *    the caller by close() again. In between, another thread may have got the same number for a new connection, which
 *    then ends or gets what another was sent. The first of the two is left out here.
 *
 * Apache's guacd 1.6.0 kills the child in place of the first close().
 */
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <unistd.h>

static __thread int shut_down = -1;

void openlog(const char *ident, int option, int facility) {
    (void) ident, (void) option, (void) facility;
}

void syslog(int priority, const char *format, ...) {
    (void) priority, (void) format;
}

/* What syslog() is called in a program that was built with _FORTIFY_SOURCE. */
void __syslog_chk(int priority, int flag, const char *format, ...) {
    (void) priority, (void) flag, (void) format;
}

int shutdown(int fd, int how) {
    shut_down = fd;
    return (int) syscall(SYS_shutdown, fd, how);
}

int close(int fd) {
    if (fd >= 0 && fd == shut_down) {
        shut_down = -1;
        return 0;
    }
    return (int) syscall(SYS_close, fd);
}
