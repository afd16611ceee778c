"""What transformers itself complains of, whatever the model."""

import transformers
from packaging.version import Version

# Of the settings of its text-generation pipeline, which are its own.
BEFORE_5_20 = ("The following generation flags", "Passing `generation_config` together", "Both `max_new_tokens`")

OLD = Version(transformers.__version__) < Version("5.20")
COMPLAINTS = tuple(f"[transformers] {complaint}" for complaint in BEFORE_5_20 if OLD)
