"""The formula of estimates in words, for whoever asks for it and for the documentation."""

from __future__ import annotations

FORMULA = """\
hours       = the longer of
                copying / workers + one full packet, which is done last, + listing / courses at once
                bytes / sourceMegabytesPerSecond, or source_bytes_per_second where that is less,
                where MongoDB is read
  copying   = 2 × (small objects / objectsPerSecond + bytes / megabytesPerSecond), once to
              write and once to read back; for a further location the bytes count once where it is
              streamed to, and once where it is read back, which archives are not
  listing   = legs × (courses × courseSeconds + objects / listedObjectsPerSecond), where the
              legs are the primary and each further location
  packets   = (objects + 3) / 1,000, rounded up, + bytes / 200 MiB, for each course
S3 writes   = an object each; one of more than 8 MiB (inside S3: 64 MiB) 2 + its parts; and 3
              manifest files for each course
S3 reads    = an object each, which verifies it; 3 manifest files for each course, 2 for each
              further location; once more each that is streamed from there
S3 lists    = objects / 1,000 + 1 for each course: of the primary 1 + further locations, of each
              of these 2; one for each course before it is copied; one for each upload in parts
work bucket = writes: packets × 2 + 1; reads: packets × 6 + 1 (further locations: × 3 + 2)
DynamoDB    = items × units of each kind (put 6, update 2, check 4, delete 3): 29 puts, 5 updates,
              1 check, 1 delete for each course, 1, 6, 4 for each packet, and 6 units for every 5
              seconds that are paid; reads: 40 for each course, 8 for each packet
SQS         = messages × 2 + what is sent, 10 together; messages = 4 for each course, 2 for each
              packet (further locations: 2 and 2)
Lambda      = a call each message; seconds that are paid × memoryMegabytes / 1024
  paid      = copying + listing; where source_bytes_per_second is set, what copies from MongoDB
              waits for it: that half of copying is bytes / that rate × workers / 2 at least
storage     = (bytes + what objects lack to 128 KiB where the class bills that + 32 KiB each in
              archives, and 8 KiB each at the price of STANDARD) × gigabyteMonth, every month
work files  = 2,000 bytes of each object and location × gigabyteMonth, once: they expire
transfer    = bytes, where the location is in another region: once, and once more to be read back
restores    = by the tier that was asked for: see Costs under Cold storage
"""
