// Pause is process 1 of a pod or of the node. It holds their namespaces, reaps orphans, and waits for a signal to exit.
package main

import (
	"os"
	"os/signal"
	"syscall"
)

func main() {
	// When SIGCHLD is ignored, the kernel reaps the orphans that become children of process 1.
	signal.Ignore(syscall.SIGCHLD)
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	<-stop
}
