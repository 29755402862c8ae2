// Forward relays TCP connections from this machine's loopback to the node's network namespace.
//
// Usage: forward LISTEN=TARGET..., for instance: forward 127.0.0.1:8080=10.208.192.2:30080
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
			log.Fatalf("forward: %q is not LISTEN=TARGET, for instance 127.0.0.1:8080=10.208.192.2:30080", pair)
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
		go relay(client.(*net.TCPConn), target)
	}
}

// relay copies both directions. It passes a half-close on, so that either end may finish first.
func relay(client *net.TCPConn, target string) {
	defer client.Close()
	upstream, err := net.Dial("tcp", target)
	if err != nil {
		log.Printf("forward: %s: %v", target, err)
		return
	}
	server := upstream.(*net.TCPConn)
	defer server.Close()
	var directions sync.WaitGroup
	directions.Go(func() { copyStream(server, client) })
	directions.Go(func() { copyStream(client, server) })
	directions.Wait()
}

func copyStream(to, from *net.TCPConn) {
	if _, err := io.Copy(to, from); err != nil {
		// A reset of one connection must end the other one too.
		to.Close()
		from.Close()
		return
	}
	to.CloseWrite()
}
