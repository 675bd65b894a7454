import Evaluation

extension Coverage {
    static let kubernetesDeployment = [
        Statement(
            "EKS runs the control plane.",
            remainder: "The API server that asks is the cluster's own, and does not say who runs it."),
        Statement(
            "Everything is deployed by Kubernetes' own workloads: Deployment, StatefulSet.", [.controllerManaged]),
        Statement(
            "Applications and users have namespaces of their own.", [.defaultNamespace, .namespacePerApplication]),
        Statement("Ingress is not used any more: the Gateway API is.", [.gatewayAPI]),
        Statement(
            "Traffic enters through an ALB that is made by infrastructure as code, not by the load balancer controller.",
            [.loadBalancerService, .gatewayAPI]),
        Statement(
            "HTTPS ends at the ALB, with a certificate of ACM.", [.publicTLS, .webFirewall],
            remainder: "Whether a certificate is the right one is seen when it is served."),
        Statement(
            "A TargetGroupBinding, with targets by IP, leads from the ALB to a Service.", [.targetGroupBinding]),
        Statement(
            "Inside the cluster traffic goes to Services directly, or through Traefik.",
            [.dnsZone, .adminAuthentication, .publicTLS],
            remainder:
                "Which way is a choice that the playbook leaves open; Traefik's routes are held to the same as others."),
        Statement(
            "Settings are in ConfigMaps; secrets come from AWS by the External Secrets operator.",
            [.inlineCredentials, .externalSecrets]),
        Statement("Services of AWS are reached by IRSA or Pod Identity.", [.staticAWSCredentials]),
        Statement(
            "What does not speak with AWS's own APIs has security groups for pods, and NetworkPolicies at will.",
            [.podSecurityGroup, .networkPolicy],
            remainder: "Both are optional: which applications need them is for their teams to say."),
        Statement(
            "RBAC says what users may do in the cluster.", [.rbacLeastPrivilege, .anonymousBinding],
            remainder: "Which rights somebody needs for their work is written in no object."),
    ]

    static let scalingAndResources = [
        Statement("Karpenter makes and manages nodes.", [.nodePoolScope, .nodePoolLifecycle]),
        Statement(
            "A small managed node group carries Karpenter and critical add-ons, and a taint keeps applications off it.",
            [.baseNodeGroup, .clusterAccess]),
        Statement(
            "Each kind of workload and each architecture has a NodePool; Spot and on-demand are mixed.",
            [.nodePoolScope, .spotPlacement],
            remainder: "Which workloads differ in kind is for people to say."),
        Statement(
            "Pods are placed by taints, tolerations, node selectors and affinity.",
            [.schedulerPlacement, .baseNodeGroup]),
        Statement("Topology spread constraints balance replicas over zones.", [.topologySpread]),
        Statement(
            "PodDisruptionBudgets are mandatory.", [.podDisruptionBudget, .disruptionAllowed, .unhealthyPodEviction]),
        Statement(
            "HorizontalPodAutoscalers scale by memory, CPU or other metrics.", [.autoscaler, .autoscalerBounds],
            remainder: "Which metric is the right one is seen under load."),
        Statement(
            "VerticalPodAutoscalers are for what cannot scale by pods.",
            [.verticalAutoscaler, .verticalAutoscalerConflict]),
        Statement(
            "Memory is requested as much as it is limited; CPU is requested and not limited.",
            [.memoryRequestEqualsLimit, .cpuRequest, .cpuLimit],
            remainder: "Which amount is the right one is seen under load."),
        Statement("Namespaces have a ResourceQuota and a LimitRange.", [.namespaceQuota, .limitRange]),
        Statement(
            "Karpenter consolidates and expires nodes, a few at a time.", [.nodePoolLifecycle, .consolidationBlocked]),
    ]

    static let containerization = [
        Statement("Images are built in stages, on a minimal base, in few layers.", remainder: imagesAreNamed),
        Statement("Containers run as a user who is not root, with uid and gid.", [.runAsNonRoot, .runAsIdentity]),
        Statement(
            "Containers follow the best practices for security.", [.privilegeEscalation, .hostIsolation]),
        Statement(
            "Health checks are in manifests, not in the Dockerfile.", [.livenessProbe, .readinessProbe],
            remainder: "Kubernetes passes over a HEALTHCHECK of the Dockerfile."),
        Statement(
            "Health and metrics are at the same ports in all containers.", [.healthEndpoints, .metricsEndpoint]),
        Statement("Images have a default entry point and command.", remainder: imagesAreNamed),
        Statement(
            "Images are built from any commit, or from chosen branches.", remainder: "The pipeline says when it builds."
        ),
        Statement("The same artifact goes through testing and production.", [.imageTag]),
        Statement(
            "A tag has a semantic version and the commit's hash, and at will a sequence number.",
            [.imageTag, .containerRepository]),
        Statement(
            "ECR is the first registry; lifecycle policies clean old tags up.", [.imageRegistry, .containerRepository]),
        Statement("ECR scans images for vulnerabilities.", [.containerRepository]),
        Statement(
            "Deployments roll, or are canary or blue-green with Argo Rollouts.", [.rollingUpdate],
            remainder:
                "Which of them it is, is a choice which the playbook leaves open; a Rollout is judged as a Deployment is."
        ),
        Statement(
            "The pipeline deploys by itself, or by a GitOps repository and Argo CD.",
            remainder: "It is a choice which the playbook leaves open."),
        Statement(
            "A GitOps repository has universal Helm templates.",
            remainder: "The API server sees what templates render; `playbook check` judges it before."),
    ]

    private static let imagesAreNamed = "A request names an image and does not open it."
}
