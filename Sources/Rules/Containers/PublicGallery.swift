import Evaluation
import JSON
import Languages

/// Amazon ECR Public Gallery, where anyone can publish images under an alias.
enum PublicGallery {
    /// Returns true if AWS publishes the image, or it is a Docker Official Image (`docker/library/`).
    static func isTrusted(_ image: ImageParts, _ text: Span<UInt8>) -> Bool {
        guard let host = image.registry, isHost(text, host) else { return false }
        var slash = image.path.lowerBound
        while slash < image.path.upperBound, text[slash] != UInt8(ascii: "/") { slash += 1 }
        guard slash < image.path.upperBound else { return false }
        let alias = image.path.lowerBound..<slash
        if aliases.contains(where: { text.isSame($0, in: alias) }) { return true }
        let official: StaticString = "docker/library/"
        let end = image.path.lowerBound + official.utf8CodeUnitCount
        return end < image.path.upperBound && text.isSame(official, in: image.path.lowerBound..<end)
    }

    /// Returns why an image in the gallery is not allowed; nil for another registry.
    static func refusal(of reference: ImageReference) -> String? {
        guard hosts.contains(where: { reference.registry == "\($0)" }) else { return nil }
        let alias = reference.repository.prefix { $0 != "/" }
        let reason =
            alias == "docker"
            ? "under \"docker\" only docker/library/ is allowed" : "the registry alias \"\(alias)\" is not one of AWS's"
        return "where anyone can publish; \(reason)"
    }

    private static func isHost(_ text: Span<UInt8>, _ host: Range<Int>) -> Bool {
        hosts.contains { text.isSame($0, in: host) }
    }

    /// The gallery's host, and its dual-stack host.
    private static let hosts: [StaticString] = ["public.ecr.aws", "ecr-public.aws.com"]

    /// The aliases of AWS, each with a source.
    private static let aliases: [StaticString] = [
        "eks",  // github.com/kubernetes-sigs/aws-load-balancer-controller: chart
        "eks-distro",  // github.com/aws/eks-distro: README
        "eks-distro-build-tooling",  // github.com/aws/karpenter-provider-aws: .ko.yaml
        "karpenter",  // karpenter.sh: "Getting Started with Karpenter"
        "aws-controllers-k8s",  // aws-controllers-k8s.github.io: "Install an ACK Controller"
        "ebs-csi-driver",  // github.com/kubernetes-sigs/aws-ebs-csi-driver: chart
        "efs-csi-driver",  // github.com/kubernetes-sigs/aws-efs-csi-driver: chart
        "csi-components",  // github.com/kubernetes-sigs/aws-ebs-csi-driver: CHANGELOG, #2518
        "aws-observability",  // github.com/aws/aws-for-fluent-bit: README
        "aws-secrets-manager",  // github.com/aws/secrets-store-csi-driver-provider-aws: deployment
        "aws-ec2",  // github.com/aws/aws-node-termination-handler: chart
        "cloudwatch-agent",  // github.com/aws-samples/amazon-cloudwatch-container-insights
        "xray",  // AWS X-Ray Developer Guide, "Running the X-Ray daemon on Amazon ECS"
        "aws-cli",  // AWS CLI User Guide, "Running the official Amazon ECR Public images"
        "amazonlinux",  // Amazon Linux 2023 User Guide, "AL2023 Base Container Image"
        "amazoncorretto",  // Amazon Corretto User Guide, "Using the Corretto ECR Instance"
        "lambda",  // AWS Lambda Developer Guide, "AWS base images for Lambda"
        "aws-containers",  // github.com/aws-containers/retail-store-sample-app: charts
        "neuron",  // github.com/aws-neuron/neuron-helm-charts: README
    ]
}
