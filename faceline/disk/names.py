"""The names of all files that the stages write, and where these are looked for."""

# Of several stages.
RUN_FILE = "run.json"
MANIFEST_FILE = "manifest.csv"
JOURNAL_FILE = "journal.jsonl"

# What shards have done that are not merged yet: a folder in that of the results, with what they have agreed on.
SHARDS_DIR = ".shards"
PLAN_FILE = "plan.json"

CROP_EMBEDDINGS_FILE = "embeddings.npz"

REPS_FILE = "reps.csv"
REPS_COPY_FILE = "reps.npy"
LABELS_FILE = "labels.csv"
DISTINCT_FILE = "distinct.csv"
CLASSIFIER_FILE = "classifier.pkl"
CLUSTERS_FILE = "clusters.csv"
SUSPECTS_FILE = "suspects.csv"
REVIEW_FILE = "review.html"

# What `export` writes for other programs.
MANIFEST_TABLE_FILE = "manifest.parquet"
EMBEDDINGS_TABLE_FILE = "embeddings.parquet"

# What the user says of faces and people: in the folder that the embeddings' folder lies in, the work folder.
CORRECTIONS_FILE = "corrections.jsonl"

# Of the mean landmarks, as OpenFace called them.
MEAN_FILE = "mean.csv"
STD_FILE = "std.csv"
DEFAULT_MEAN_DIR = "./mean-landmarks/"

# Where `annotate` puts its copies.
DEFAULT_ANNOTATED_DIR = "./annotated/"

# In each folder of `cluster --folders`: what was put there.
CLUSTER_RECORD_FILE = ".cluster.json"

# In the folder of `check --move`: what was moved there, and from where.
MOVED_FILE = "moved.csv"

# The folders of a work folder, as `enrol` makes it: the photographs, their crops, and what is made of these.
TRAINING_DIR = "training-images"
ALIGNED_DIR = "aligned-images"
EMBEDDINGS_DIR = "generated-embeddings"

# Where `migrate` builds what takes the place of the last two, with what it notes of that, and how the folder's name
# begins that the old ones move to.
MIGRATION_DIR = ".migration"
MIGRATION_FILE = "migration.json"
BEFORE_PREFIX = "before-"

DEFAULT_EMBEDDINGS_DIR = f"./{EMBEDDINGS_DIR}/"
DEFAULT_CLASSIFIER = DEFAULT_EMBEDDINGS_DIR + CLASSIFIER_FILE
