extension Settings {
    /// The namespaces in which products are installed as published, by whole names.
    static let defaultPlatformNamespaces = """
        argocd argo-cd argo argo-rollouts cert-manager external-secrets external-dns flux-system flagger-system \
        istio-system istio-ingress envoy-gateway-system keda knative-serving knative-eventing karpenter monitoring \
        logging observability amazon-cloudwatch amazon-guardduty aws-observability aws-load-balancer-controller \
        aws-privateca-issuer ack-system crossplane-system cnpg-system strimzi elastic-system velero traefik \
        tekton-pipelines tekton-pipelines-resolvers kyverno gatekeeper-system vault datadog opentelemetry opentelemetry-operator-system \
        calico-system tigera-operator metallb-system longhorn-system rook-ceph ingress-nginx strimzi-drain-cleaner \
        postgres-operator fluent fluent-operator neuvector
        """.split(separator: " ").map { String($0) }
}
