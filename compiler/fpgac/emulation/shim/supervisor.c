/* supervisor PARENT STATUS_FD COMMAND...: runs a host so that nothing of it survives.
 *
 * The host gets a process group of its own, because XRT's shim signals its whole group when a
 * device process dies. Whatever the host leaves behind is adopted, ended and reaped; and all of it
 * ends when the parent (its process id is given) or this process does. How the host ended is
 * written to STATUS_FD as "exited CODE", "signalled SIGNAL" or "failed ERRNO". */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { GRACE_MS = 1000 };

static const int WATCHED[] = {SIGCHLD, SIGTERM, SIGINT, SIGHUP};

static sigset_t watched(void) {
  sigset_t set;
  sigemptyset(&set);
  for (size_t i = 0; i < sizeof WATCHED / sizeof *WATCHED; i++) sigaddset(&set, WATCHED[i]);
  return set;
}

static void say(int file, const char *word, int number) {
  dprintf(file, "%s %d\n", word, number);
  close(file);
}

static void run(char **command, int status_fd) {
  const sigset_t set = watched();
  fcntl(status_fd, F_SETFD, FD_CLOEXEC);
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  signal(SIGPIPE, SIG_DFL);
  sigprocmask(SIG_UNBLOCK, &set, NULL);
  execvp(command[0], command);
  say(status_fd, "failed", errno);
  _exit(127);
}

/* Reaps who has ended; true once the host is among them (its status is then set). */
static int reap(pid_t host, int *status) {
  int found = 0, one;
  pid_t pid;
  while ((pid = waitpid(-1, &one, WNOHANG)) > 0)
    if (pid == host) {
      *status = one;
      found = 1;
    }
  return found;
}

static int has_children(void) {
  siginfo_t info;
  return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

static void wait_for_children(int milliseconds, pid_t host, int *status, int *ended) {
  const struct timespec step = {0, 5 * 1000 * 1000};
  for (int waited = 0; waited < milliseconds && has_children(); waited += 5) {
    nanosleep(&step, NULL);
    *ended |= reap(host, status);
  }
}

static void kill_children(void) {
  FILE *children = fopen("/proc/thread-self/children", "r");
  int pid;
  if (!children) return;
  while (fscanf(children, "%d", &pid) == 1) kill(pid, SIGKILL);
  fclose(children);
}

int main(int argc, char **argv) {
  if (argc < 4) {
    fprintf(stderr, "usage: supervisor PARENT STATUS_FD COMMAND...\n");
    return 2;
  }
  const int status_fd = atoi(argv[2]);
  const sigset_t set = watched();
  sigprocmask(SIG_BLOCK, &set, NULL);
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != atoi(argv[1])) return 1;

  const pid_t host = fork();
  if (host < 0) {
    say(status_fd, "failed", errno);
    return 1;
  }
  if (host == 0) run(argv + 3, status_fd);
  setpgid(host, host);

  int status = 0, ended = 0;
  while (!ended) {
    const int signal = sigwaitinfo(&set, NULL);
    ended = reap(host, &status);
    if (signal != SIGCHLD && signal > 0 && !ended) {
      kill(-host, SIGTERM);
      wait_for_children(GRACE_MS, host, &status, &ended);
      break;
    }
  }
  /* Device processes end by themselves when their host has gone. */
  if (ended) wait_for_children(GRACE_MS, host, &status, &ended);
  kill(-host, SIGKILL);
  for (int tries = 0; tries < 1000 && has_children(); tries++) {
    kill_children();
    wait_for_children(10, host, &status, &ended);
  }
  if (WIFSIGNALED(status)) say(status_fd, "signalled", WTERMSIG(status));
  else say(status_fd, "exited", WEXITSTATUS(status));
  return 0;
}
