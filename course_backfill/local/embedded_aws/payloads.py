"""Takes in the body of a request: as bytes, or as a blob where it is an object's content."""

from collections.abc import AsyncIterator, Mapping

from course_backfill.local.embedded_aws.aws_chunked import AwsChunkedDecoder
from course_backfill.local.embedded_aws.blobs import Blob, BlobStore
from course_backfill.local.embedded_aws.checksums import (
    DEFAULT_ALGORITHM,
    DeclaredChecksums,
)
from course_backfill.local.embedded_aws.s3_errors import S3Refusal


async def received_document(body: AsyncIterator[bytes]) -> bytes:
    """A body that is read whole, as a document is."""
    return b"".join([chunk async for chunk in body])


async def received_payload(
    body: AsyncIterator[bytes], headers: Mapping[str, str], store: BlobStore
) -> tuple[Blob, DeclaredChecksums]:
    """Raises S3Refusal where the body is not what its own headers say."""
    announced = DeclaredChecksums.of(headers)
    writer = store.writer({"MD5", announced.algorithm or DEFAULT_ALGORITHM})
    decoder = AwsChunkedDecoder() if _is_chunked(headers) else None
    try:
        async for chunk in body:
            for piece in decoder.feed(chunk) if decoder else (chunk,):
                writer.write(piece)
        if decoder is not None:
            decoder.close()
        length = headers.get("x-amz-decoded-content-length", str(writer.size))
        if length != str(writer.size):
            raise S3Refusal(400, "IncompleteBody", "The body is shorter or longer than announced")
        declared = DeclaredChecksums.of(headers, decoder.trailers) if decoder else announced
    except BaseException:
        writer.discard()
        raise
    return writer.finish(), declared


def _is_chunked(headers: Mapping[str, str]) -> bool:
    return headers.get("x-amz-content-sha256", "").startswith("STREAMING-")
