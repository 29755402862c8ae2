// Volumes creates a persistent volume for each claim of the local cluster's storage class: a folder on the node.
//
// sig-storage-lib-external-provisioner handles claims, retries and reclaiming, as in Kubernetes' own provisioners.
package main

import (
	"context"
	"flag"
	"os"
	"os/signal"
	"syscall"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
	"sigs.k8s.io/sig-storage-lib-external-provisioner/v13/controller"
)

func main() {
	kubeconfig := flag.String("kubeconfig", "", "the kubeconfig file for the API server")
	name := flag.String("provisioner", "", "the name of the provisioner in storage classes")
	node := flag.String("node", "", "the name of the node with the volumes")
	folder := flag.String("folder", "", "the parent folder of the volumes")
	klog.InitFlags(nil)
	flag.Parse()

	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer cancel()
	if err := run(ctx, *kubeconfig, *name, folders{path: *folder, node: *node}); err != nil {
		klog.ErrorS(err, "The provisioner of the volumes ended")
		os.Exit(1)
	}
}

func run(ctx context.Context, kubeconfig, name string, provisioner folders) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	claims, err := watchGrowth(ctx, client, name)
	if err != nil {
		return err
	}
	controller.NewProvisionController(
		ctx, client, name, provisioner,
		controller.LeaderElection(false),
		controller.ClaimsInformer(claims),
		// With the finalizer, the folder is deleted before the volume, so a crash in between leaves no folder behind.
		controller.AddFinalizer(true),
	).Run(ctx)
	return nil
}
