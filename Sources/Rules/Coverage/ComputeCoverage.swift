import Evaluation

extension Coverage {
    static let kubernetesDeployment = [
        Statement(
            "EKS runs the control plane.",
            remainder: "A request does not show who runs the API server."),
        Statement(
            "Everything is deployed with Kubernetes workloads: Deployment, StatefulSet.", [.controllerManaged]),
        Statement(
            "Applications and users have separate namespaces.", [.defaultNamespace, .namespacePerApplication]),
        Statement("The Gateway API is used instead of Ingress.", [.gatewayAPI]),
        Statement(
            "Traffic enters through an ALB that infrastructure as code creates, not the load balancer controller.",
            [.loadBalancerService, .gatewayAPI]),
        Statement(
            "TLS is terminated at the ALB with an ACM certificate.", [.publicTLS, .webFirewall],
            remainder: "Only a TLS connection shows if the certificate is correct."),
        Statement(
            "A TargetGroupBinding with IP targets connects the ALB to a Service.", [.targetGroupBinding]),
        Statement(
            "Inside the cluster, traffic goes to Services directly or through Traefik.",
            [.dnsZone, .adminAuthentication, .publicTLS],
            remainder:
                "The playbook leaves this choice open; the same rules apply to Traefik's routes."),
        Statement(
            "Settings are in ConfigMaps; secrets come from AWS through the External Secrets operator.",
            [.inlineCredentials, .externalSecrets]),
        Statement("Pods access AWS services with IRSA or Pod Identity.", [.staticAWSCredentials]),
        Statement(
            "Applications that do not use the AWS SDK have security groups for pods, and optionally NetworkPolicies.",
            [.podSecurityGroup, .networkPolicy],
            remainder: "Both are optional; teams decide which applications need them."),
        Statement(
            "RBAC defines the permissions of users in the cluster.", [.rbacLeastPrivilege, .anonymousBinding],
            remainder: "No object states which permissions a user needs."),
    ]

    static let scalingAndResources = [
        Statement("Karpenter creates and manages nodes.", [.nodePoolScope, .nodePoolLifecycle]),
        Statement(
            "A small managed node group runs Karpenter and critical add-ons, and has a taint that excludes applications.",
            [.baseNodeGroup, .clusterAccess]),
        Statement(
            "Each kind of workload and each architecture has a NodePool; Spot and On-Demand are mixed.",
            [.nodePoolScope, .spotPlacement],
            remainder: "People decide which workloads differ in kind."),
        Statement(
            "Pods are placed by taints, tolerations, node selectors and affinity.",
            [.schedulerPlacement, .baseNodeGroup]),
        Statement("Topology spread constraints balance replicas across zones.", [.topologySpread]),
        Statement(
            "PodDisruptionBudgets are mandatory.", [.podDisruptionBudget, .disruptionAllowed, .unhealthyPodEviction]),
        Statement(
            "HorizontalPodAutoscalers scale by memory, CPU or other metrics.", [.autoscaler, .autoscalerBounds],
            remainder: "Only a load test shows the right metric."),
        Statement(
            "VerticalPodAutoscalers are for workloads that cannot scale horizontally.",
            [.verticalAutoscaler, .verticalAutoscalerConflict]),
        Statement(
            "Memory requests equal memory limits; CPU has a request and no limit.",
            [.memoryRequestEqualsLimit, .cpuRequest, .cpuLimit],
            remainder: "Only a load test shows the right amounts."),
        Statement("Namespaces have a ResourceQuota and a LimitRange.", [.namespaceQuota, .limitRange]),
        Statement(
            "Karpenter consolidates and expires nodes, a few at a time.", [.nodePoolLifecycle, .consolidationBlocked]),
    ]

    static let containerization = [
        Statement("Images have multi-stage builds, a minimal base image and few layers.", remainder: imagesAreNamed),
        Statement("Containers run as a non-root user with a uid and a gid.", [.runAsNonRoot, .runAsIdentity]),
        Statement(
            "Containers follow the best practices for security.", [.privilegeEscalation, .hostIsolation]),
        Statement(
            "Health checks are in manifests, not in the Dockerfile.", [.livenessProbe, .readinessProbe],
            remainder: "Kubernetes ignores HEALTHCHECK in a Dockerfile."),
        Statement(
            "Health and metrics endpoints use the same ports in all containers.", [.healthEndpoints, .metricsEndpoint]),
        Statement("Images have a default entry point and command.", remainder: imagesAreNamed),
        Statement(
            "Images are built from any commit, or from chosen branches.",
            remainder: "The pipeline determines when it builds."
        ),
        Statement("The same artifact is used in testing and production.", [.imageTag]),
        Statement(
            "A tag has a semantic version and a commit hash, and optionally a sequence number.",
            [.imageTag, .containerRepository]),
        Statement(
            "ECR is the primary registry; lifecycle policies remove old tags.", [.imageRegistry, .containerRepository]),
        Statement("ECR scans images for vulnerabilities.", [.containerRepository]),
        Statement(
            "Deployments use rolling updates, or canary or blue-green updates with Argo Rollouts.", [.rollingUpdate],
            remainder:
                "The playbook leaves this choice open; a Rollout is evaluated like a Deployment."
        ),
        Statement(
            "The pipeline deploys directly, or through a GitOps repository and Argo CD.",
            remainder: "The playbook leaves this choice open."),
        Statement(
            "A GitOps repository has universal Helm templates.",
            remainder: "The API server receives only rendered objects; `playbook check` evaluates them before."),
    ]

    private static let imagesAreNamed = "A request contains the name of an image, not its content."
}
