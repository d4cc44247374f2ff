"""What the doctor does with data, a recipe, a run or a model as a whole: the examination, remedies that are tried, and
faults planted to be found.
"""

from glassnet.clinic.brief import Brief, train_briefly
from glassnet.clinic.examination import BUDGET, Examination, examine
from glassnet.clinic.remedies import Trial
from glassnet.clinic.subject import Subject, open_subject

__all__ = ["BUDGET", "Brief", "Examination", "Subject", "Trial", "examine", "open_subject", "train_briefly"]
