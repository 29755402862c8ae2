// Pause does nothing, in order: it holds the namespaces of a pod, or of the node itself, and reaps orphans as process 1.
package main

import (
	"os"
	"os/signal"
	"syscall"
)

func main() {
	// Ignoring SIGCHLD tells the kernel to reap children that were handed to us.
	signal.Ignore(syscall.SIGCHLD)
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	<-stop
}
