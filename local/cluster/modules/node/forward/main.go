// Forward carries TCP connections from this machine's loopback into the node's network namespace.
//
// Usage: forward LISTEN=TARGET..., for instance forward 127.0.0.1:8080=10.208.192.2:30080
package main

import (
	"io"
	"log"
	"net"
	"os"
	"strings"
	"sync"
)

func main() {
	if len(os.Args) < 2 {
		log.Fatal("forward: usage: forward LISTEN=TARGET...")
	}
	var listeners sync.WaitGroup
	for _, pair := range os.Args[1:] {
		from, to, found := strings.Cut(pair, "=")
		if !found {
			log.Fatalf("forward: %q is not LISTEN=TARGET", pair)
		}
		listener, err := net.Listen("tcp", from)
		if err != nil {
			log.Fatalf("forward: %v", err)
		}
		log.Printf("forward: %s to %s", from, to)
		listeners.Go(func() { serve(listener, to) })
	}
	listeners.Wait()
}

func serve(listener net.Listener, target string) {
	for {
		client, err := listener.Accept()
		if err != nil {
			log.Fatalf("forward: accept: %v", err)
		}
		go carry(client.(*net.TCPConn), target)
	}
}

// carry copies both directions and hands a half-close on, so that either end may finish first.
func carry(client *net.TCPConn, target string) {
	defer client.Close()
	upstream, err := net.Dial("tcp", target)
	if err != nil {
		log.Printf("forward: %s: %v", target, err)
		return
	}
	server := upstream.(*net.TCPConn)
	defer server.Close()
	var directions sync.WaitGroup
	directions.Go(func() { pass(server, client) })
	directions.Go(func() { pass(client, server) })
	directions.Wait()
}

func pass(to, from *net.TCPConn) {
	if _, err := io.Copy(to, from); err != nil {
		// A reset on one side must end the other one too.
		to.Close()
		from.Close()
		return
	}
	to.CloseWrite()
}
