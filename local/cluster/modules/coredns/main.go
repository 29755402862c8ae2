// CoreDNS with the plugins that a one-node cluster needs. It has 815 packages to compile; with all plugins it has 1409.
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
	// A query passes the plugins in this order. The catch-all template must come after the cluster's own names.
	dnsserver.Directives = []string{"errors", "ready", "health", "kubernetes", "template"}
	coremain.Run()
}
