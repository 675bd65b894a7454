import JSON
import Kubernetes

/// An image that a container runs or a volume mounts, taken apart once for all rules that ask.
struct ContainerImage {
    /// What uses an image.
    enum User {
        case container(Container)
        /// A volume, by its number in the pod spec at a place.
        case volume(Int, of: Pointer)
    }

    private let user: User
    /// The reference as it is written.
    let text: Value
    /// Where its parts stand; nil where it is none as Docker reads it.
    let parts: ImageParts?
    /// The registry in ECR that it is in; nil where it is in another.
    let ecr: ECRHost?

    /// The same image for another user.
    init(_ image: ContainerImage, of user: User) {
        self.user = user
        (text, parts, ecr) = (image.text, image.parts, image.ecr)
    }

    init(_ text: Value, of user: User) {
        self.user = user
        self.text = text
        (parts, ecr) = text.withContents { text in
            let parts = try? ImageParts(text)
            return (parts, parts?.registry.flatMap { ECRHost(text, in: $0) })
        }
    }

    /// More volumes of images than this no pod has, as with containers.
    static let mostVolumes = 1000

    /// Where the reference stands in the object.
    var pointer: Pointer {
        switch user {
        case .container(let container): container.pointer / "image"
        case .volume(let index, let spec): spec / "volumes" / String(index) / "image" / "reference"
        }
    }
}

extension Subject {
    /// The images of the template's containers and volumes, of those that name one.
    func images() throws(CannotJudge) -> [ContainerImage] { try foundImages.get() }

    /// Looks for them.
    func findImages() throws(CannotJudge) -> [ContainerImage] {
        guard let template = try template() else { return [] }
        var found: [ContainerImage] = []
        found.reserveCapacity(template.containers.count)
        for container in template.containers {
            guard let image = try container.image() else { continue }
            // What prepares an application is often its own image again.
            if let first = found.first, first.text.isSame(as: image) {
                found.append(ContainerImage(first, of: .container(container)))
            } else {
                found.append(ContainerImage(image, of: .container(container)))
            }
        }
        let most = found.count + ContainerImage.mostVolumes
        for (index, volume) in try template.volumes().enumerated() {
            // A reference that is absent is filled in later, as a container's image may be.
            guard let reference = try volume.object("image")?.text("reference") else { continue }
            guard found.count < most else {
                throw .malformed(reference.id, expected: "one of at most 1000 images of volumes")
            }
            found.append(ContainerImage(reference, of: .volume(index, of: template.pointer)))
        }
        return found
    }
}
