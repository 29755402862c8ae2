// Volumes makes a persistent volume for each claim of the local cluster's storage class: a folder of the node's own.
//
// Claims, retries and reclaim are the work of sig-storage-lib-external-provisioner, which Kubernetes' own provisioners are
// built on.
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
	kubeconfig := flag.String("kubeconfig", "", "access to the API")
	name := flag.String("provisioner", "", "the provisioner that storage classes name")
	node := flag.String("node", "", "the node that has the volumes")
	folder := flag.String("folder", "", "where they are made")
	klog.InitFlags(nil)
	flag.Parse()

	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer cancel()
	if err := run(ctx, *kubeconfig, *name, folders{path: *folder, node: *node}); err != nil {
		klog.ErrorS(err, "The volumes' provisioner ends")
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
		// A folder that is deleted for good first, then the volume: no crash in between can leave the folder.
		controller.AddFinalizer(true),
	).Run(ctx)
	return nil
}
