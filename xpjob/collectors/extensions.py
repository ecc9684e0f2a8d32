"""What collectors add to the reader: one line each. Not for the job, which serves nothing."""

from __future__ import annotations

from xpjob.collectors.capacity.reader.extension import CapacityExtension
from xpjob.collectors.crossplane.reader.extension import CrossplaneExtension
from xpjob.reader.extension import Extensions

EXTENSIONS: Extensions = (CrossplaneExtension(), CapacityExtension())
