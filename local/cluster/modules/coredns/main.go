// CoreDNS with the few plugins that a one-node cluster needs: 815 packages to compile, where all of them are 1409.
package main

import (
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/coremain"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/health"
	_ "github.com/coredns/coredns/plugin/kubernetes"
	_ "github.com/coredns/coredns/plugin/ready"
	_ "github.com/coredns/coredns/plugin/template"
)

func main() {
	// A query passes the plugins in this order: the catch-all template must come after the cluster's own names.
	dnsserver.Directives = []string{"errors", "ready", "health", "kubernetes", "template"}
	coremain.Run()
}
