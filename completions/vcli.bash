# Completions of vcli for bash, written by `vcli completions write`.
# Use them in this shell with: source vcli.bash

_vcli_facts() {
    verbs='' default='' options='' arguments=''
    case "$1" in
    '') verbs=$'register\npcd-anomaly\nrppg-adapt\nkan-fit\nenhance-eval\ndoctor\nsamples\nweights\nruns\ncite\nsubmit\ncompletions' options=$'--version\n--help\n-h' ;;
    'register') verbs=$'pair\nbatch\napply\nbenchmark\ntrain\nevaluate' default='pair' options=$'--help\n-h' ;;
    'register pair') options=$'--sample\n--volume\n--transform\n--method\n--preset\n--metric\n--lambda\n--volume-weight\n--wavelet\n--iters\n--spacing\n--no-symmetric\n--symmetric\n--init\n--max-memory\n--weights\n--fixed-label\n--moving-label\n--fixed-mask\n--moving-mask\n--fixed-points\n--moving-points\n--label-names\n--no-pictures\n--pictures\n--label-interp\n--max-folds\n--out\n-o\n--resume\n--overwrite\n--config\n--device\n--threads\n--seed\n--json\n--quiet\n-q\n--verbose\n-v\n--help\n-h' arguments=$'file\nfile' ;;
    'register batch') options=$'--only\n--l2r-submission\n--transform\n--method\n--preset\n--metric\n--lambda\n--volume-weight\n--wavelet\n--iters\n--spacing\n--no-symmetric\n--symmetric\n--init\n--max-memory\n--weights\n--label-names\n--no-pictures\n--pictures\n--out\n-o\n--resume\n--overwrite\n--config\n--shard\n--device\n--threads\n--seed\n--json\n--quiet\n-q\n--verbose\n-v\n--help\n-h' arguments=$'file' ;;
    'register apply') options=$'--input\n-i\n--reference\n-r\n--transform\n-t\n--out\n-o\n--invert\n--interp\n--volume\n--overwrite\n--json\n--quiet\n-q\n--verbose\n-v\n--help\n-h' ;;
    'register benchmark') options=$'--baselines-env\n--baselines\n--presets\n--out\n-o\n--resume\n--overwrite\n--config\n--shard\n--threads\n--json\n--quiet\n-q\n--verbose\n-v\n--help\n-h' arguments=$'file' ;;
    'register train') options=$'--synthetic\n--ablate\n--layout\n--atlas\n--spacing\n--no-align\n--align\n--val-fraction\n--no-augment\n--augment\n--weights\n--preset\n--label-maps\n--dim\n--steps\n--epochs\n--batch-size\n--lr\n--loss\n--reg-compat\n--transform\n--wavelet\n--width\n--no-refine\n--refine\n--no-smooth\n--smooth\n--dice-weight\n--lambda\n--out\n-o\n--resume\n--overwrite\n--config\n--device\n--threads\n--seed\n--precision\n--json\n--quiet\n-q\n--verbose\n-v\n--help\n-h' arguments=$'file' ;;
    'register evaluate') options=$'--l2r-compat\n--out\n-o\n--fixed-label\n--moving-label\n--transform\n-t\n--disp\n--fixed-points\n--moving-points\n--label-names\n--label-interp\n--layout\n--subset\n--dim\n--transform-kind\n--method\n--preset\n--metric\n--lambda\n--volume-weight\n--wavelet\n--iters\n--spacing\n--no-symmetric\n--symmetric\n--init\n--max-memory\n--weights\n--resume\n--overwrite\n--config\n--shard\n--device\n--threads\n--seed\n--json\n--quiet\n-q\n--verbose\n-v\n--help\n-h' arguments=$'file' ;;
    'pcd-anomaly') verbs=$'run\nsynth\ntrain\npredict\nevaluate\nregister\ninfo\nmerge' default='run' options=$'--help\n-h' ;;
    'pcd-anomaly run') options=$'--sample\n--unit\n--layout\n--class\n--train\n--test\n--gt\n--groups\n--group-size\n--bank\n--views\n--clusters\n--steps\n--no-iun\n--iun\n--no-ian\n--ian\n--no-push\n--push\n--alpha\n--features\n--weights\n--max-memory\n--agcs\n--save\n--methods\n--protocol\n--bootstrap\n--out\n-o\n--resume\n--overwrite\n--config\n--shard\n--device\n--threads\n--seed\n--json\n--quiet\n-q\n--verbose\n-v\n--help\n-h' arguments=$'file' ;;
    'pcd-anomaly synth') options=$'--count\n-n\n--points\n--suite\n--prototypes\n--good\n--defective\n--prototype-points\n--seed\n--json\n--quiet\n-q\n--verbose\n-v\n--help\n-h' arguments=$'file' ;;
    'pcd-anomaly train') options=$'--unit\n--layout\n--class\n--train\n--groups\n--group-size\n--bank\n--views\n--clusters\n--steps\n--no-iun\n--iun\n--no-ian\n--ian\n--no-push\n--push\n--alpha\n--features\n--weights\n--out\n-o\n--resume\n--overwrite\n--config\n--device\n--threads\n--seed\n--json\n--quiet\n-q\n--verbose\n-v\n--help\n-h' arguments=$'file' ;;
    'pcd-anomaly predict') options=$'--class\n--fail-on-anomaly\n--unit\n--weights\n--max-memory\n--agcs\n--save\n--registration\n--init\n--out\n-o\n--resume\n--overwrite\n--config\n--shard\n--device\n--threads\n--seed\n--json\n--quiet\n-q\n--verbose\n-v\n--help\n-h' arguments=$'file\nfile...' ;;
    'pcd-anomaly evaluate') options=$'--unit\n--layout\n--class\n--train\n--test\n--gt\n--weights\n--max-memory\n--agcs\n--save\n--methods\n--protocol\n--bootstrap\n--ablate\n--out\n-o\n--resume\n--overwrite\n--config\n--shard\n--device\n--threads\n--seed\n--json\n--quiet\n-q\n--verbose\n-v\n--help\n-h' arguments=$'file\nfile' ;;
    'pcd-anomaly register') options=$'--out\n-o\n--seed\n--threads\n--json\n--quiet\n-q\n--verbose\n-v\n--help\n-h' arguments=$'file\nfile' ;;
    'pcd-anomaly info') options=$'--json\n--quiet\n-q\n--verbose\n-v\n--help\n-h' arguments=$'file' ;;
    'pcd-anomaly merge') options=$'--help\n-h' arguments=$'directory...' ;;
    'rppg-adapt') verbs=$'predict\npreprocess\ntrain\nadapt\nevaluate\nsynth\nplot\ninfo' default='predict' options=$'--help\n-h' ;;
    'rppg-adapt predict') options=$'--sample\n--method\n--window\n--step\n--hr-range\n--fps\n--tta\n--hrv\n--resp\n--roi\n--detector\n--face-model\n--faces\n--gt\n--no-pictures\n--pictures\n--strict\n--weights\n--out\n-o\n--resume\n--overwrite\n--config\n--shard\n--device\n--threads\n--seed\n--json\n--quiet\n-q\n--verbose\n-v\n--help\n-h' arguments=$'file...' ;;
    'rppg-adapt preprocess') options=$'--layout\n--size\n--fps\n--stmap\n--detector\n--face-model\n--out\n-o\n--resume\n--overwrite\n--config\n--shard\n--json\n--quiet\n-q\n--verbose\n-v\n--help\n-h' arguments=$'file' ;;
    'rppg-adapt train') options=$'--synthetic\n--preset\n--weights\n--backbone\n--input\n--size\n--val-fraction\n--frames\n--epochs\n--steps\n--batch-size\n--lr\n--keep\n--out\n-o\n--resume\n--overwrite\n--config\n--device\n--threads\n--seed\n--json\n--quiet\n-q\n--verbose\n-v\n--help\n-h' arguments=$'file' ;;
    'rppg-adapt adapt') options=$'--weights\n--loss\n--branches\n--distance\n--fwd-p\n--fwd-solver\n--anchor\n--update\n--epochs\n--batch-size\n--lr\n--frames\n--adapt-fraction\n--out\n-o\n--resume\n--overwrite\n--config\n--device\n--threads\n--seed\n--json\n--quiet\n-q\n--verbose\n-v\n--help\n-h' arguments=$'file' ;;
    'rppg-adapt evaluate') options=$'--methods\n--protocol\n--window\n--group-by\n--weights\n--out\n-o\n--resume\n--overwrite\n--config\n--device\n--threads\n--json\n--quiet\n-q\n--verbose\n-v\n--help\n-h' arguments=$'file' ;;
    'rppg-adapt synth') options=$'--count\n-n\n--seconds\n--preset\n--fps\n--size\n--bpm\n--out\n-o\n--resume\n--overwrite\n--config\n--shard\n--seed\n--json\n--quiet\n-q\n--verbose\n-v\n--help\n-h' ;;
    'rppg-adapt plot') options=$'--out\n-o\n--json\n--quiet\n-q\n--verbose\n-v\n--help\n-h' arguments=$'file' ;;
    'rppg-adapt info') options=$'--json\n--quiet\n-q\n--verbose\n-v\n--help\n-h' arguments=$'any' ;;
    'kan-fit') verbs=$'fit\nclassify\npredict\nexplain\nbenchmark' default='fit' options=$'--help\n-h' ;;
    'kan-fit fit') options=$'--function\n--expr\n--range\n--rows\n--noise\n--target\n--features\n--val-fraction\n--test-fraction\n--test\n--no-header\n--header\n--impute\n--width\n--pool\n--select-level\n--select\n--grid\n--refine\n--optimizer\n--steps\n--restarts\n--budget\n--sample\n--no-compare\n--compare\n--no-pictures\n--pictures\n--out\n-o\n--resume\n--overwrite\n--config\n--device\n--threads\n--seed\n--json\n--quiet\n-q\n--verbose\n-v\n--help\n-h' arguments=$'file' ;;
    'kan-fit classify') options=$'--layout\n--resize\n--val-fraction\n--test-fraction\n--arch\n--channels\n--pool\n--select-level\n--select\n--grid\n--epochs\n--batch-size\n--lr\n--weight-decay\n--augment\n--sample\n--no-compare\n--compare\n--no-pictures\n--pictures\n--out\n-o\n--resume\n--overwrite\n--config\n--device\n--threads\n--seed\n--precision\n--json\n--quiet\n-q\n--verbose\n-v\n--help\n-h' arguments=$'file' ;;
    'kan-fit predict') options=$'--interval\n--no-header\n--header\n--layout\n--resize\n--out\n-o\n--resume\n--overwrite\n--config\n--json\n--quiet\n-q\n--verbose\n-v\n--help\n-h' arguments=$'file\nfile' ;;
    'kan-fit explain') options=$'--picture-format\n--prune\n--symbolic\n--library\n--save\n--out\n-o\n--resume\n--overwrite\n--config\n--seed\n--json\n--quiet\n-q\n--verbose\n-v\n--help\n-h' arguments=$'file' ;;
    'kan-fit benchmark') options=$'--suite\n--baselines\n--alone\n--rows\n--noise\n--threads\n--baselines-env\n--out\n-o\n--resume\n--overwrite\n--config\n--shard\n--seed\n--json\n--quiet\n-q\n--verbose\n-v\n--help\n-h' ;;
    'enhance-eval') verbs=$'run\nenhance\ndegrade\nscore\nreport\ntrain\nlist' default='run' options=$'--help\n-h' ;;
    'enhance-eval run') options=$'--sample\n--layout\n--split\n--reference\n--limit\n--strict\n--quick\n--methods\n--conditions\n--full-well\n--read-noise\n--jpeg\n--measures\n--niqe-params\n--brisque-model\n--brisque-range\n--tasks\n--detector\n--classifier\n--cls-unit\n--protocol\n--save\n--bootstrap\n--alpha\n--out\n-o\n--resume\n--overwrite\n--config\n--shard\n--device\n--threads\n--seed\n--json\n--quiet\n-q\n--verbose\n-v\n--help\n-h' arguments=$'file' ;;
    'enhance-eval enhance') options=$'--methods\n--out\n-o\n--resume\n--overwrite\n--config\n--shard\n--device\n--threads\n--seed\n--json\n--quiet\n-q\n--verbose\n-v\n--help\n-h' arguments=$'file' ;;
    'enhance-eval degrade') options=$'--condition\n--full-well\n--read-noise\n--jpeg\n--out\n-o\n--resume\n--overwrite\n--config\n--shard\n--seed\n--json\n--quiet\n-q\n--verbose\n-v\n--help\n-h' arguments=$'file' ;;
    'enhance-eval score') options=$'--pred\n--reference\n--input\n--measures\n--labels\n--detections\n--out\n-o\n--resume\n--overwrite\n--config\n--shard\n--json\n--quiet\n-q\n--verbose\n-v\n--help\n-h' ;;
    'enhance-eval report') options=$'--bootstrap\n--alpha\n--out\n-o\n--resume\n--overwrite\n--config\n--seed\n--json\n--quiet\n-q\n--verbose\n-v\n--help\n-h' arguments=$'file...' ;;
    'enhance-eval train') options=$'--steps\n--batch-size\n--lr\n--scenes\n--out\n-o\n--resume\n--overwrite\n--config\n--device\n--threads\n--seed\n--json\n--quiet\n-q\n--verbose\n-v\n--help\n-h' arguments=$'choice detector classifier curve niqe' ;;
    'enhance-eval list') options=$'--json\n--quiet\n-q\n--verbose\n-v\n--help\n-h' arguments=$'choice methods measures datasets decoders' ;;
    'doctor') options=$'--deep\n--json\n--quiet\n-q\n--help\n-h' ;;
    'samples') verbs=$'list\ncopy' default='list' options=$'--help\n-h' ;;
    'samples list') options=$'--json\n--quiet\n-q\n--help\n-h' ;;
    'samples copy') options=$'--overwrite\n--help\n-h' arguments=$'choice kan-fit register rppg-adapt\ndirectory' ;;
    'weights') verbs=$'list\nverify' default='list' options=$'--help\n-h' ;;
    'weights list') options=$'--json\n--quiet\n-q\n--help\n-h' ;;
    'weights verify') options=$'--json\n--quiet\n-q\n--help\n-h' ;;
    'runs') verbs=$'list\nshow\ncompare\nmerge' default='show' options=$'--help\n-h' ;;
    'runs list') options=$'--json\n--quiet\n-q\n--help\n-h' arguments=$'directory' ;;
    'runs show') options=$'--json\n--quiet\n-q\n--help\n-h' arguments=$'file' ;;
    'runs compare') options=$'--all\n--json\n--quiet\n-q\n--help\n-h' arguments=$'file...' ;;
    'runs merge') options=$'--json\n--quiet\n-q\n--help\n-h' arguments=$'file' ;;
    'cite') options=$'--bibtex\n--json\n--quiet\n-q\n--help\n-h' arguments=$'any...' ;;
    'submit') options=$'--array\n--gpus\n--cpus\n--mem\n--time\n--partition\n--account\n--qos\n--constraint\n--scheduler-arg\n--setup\n--executor\n--dry-run\n--wait\n--json\n--quiet\n-q\n--help\n-h' arguments=$'any...' ;;
    'completions') verbs=$'show\nwrite\ncheck' options=$'--help\n-h' ;;
    'completions show') options=$'--help\n-h' arguments=$'choice bash zsh fish' ;;
    'completions write') options=$'--help\n-h' arguments=$'directory' ;;
    'completions check') options=$'--help\n-h' arguments=$'directory' ;;
    esac
}

_vcli_value() {
    kind=none choices=''
    case "$1 $2" in
    'register pair --volume') kind=any ;;
    'register pair --transform') kind=choice choices=$'rigid\naffine\ndisplacement\ndiffeo' ;;
    'register pair --method') kind=choice choices=$'auto\noptimize\nnetwork' ;;
    'register pair --preset') kind=choice choices=$'fast\ndefault\naccurate' ;;
    'register pair --metric') kind=choice choices=$'lncc\nmi\nmind\nmse' ;;
    'register pair --lambda') kind=any ;;
    'register pair --volume-weight') kind=any ;;
    'register pair --wavelet') kind=any ;;
    'register pair --iters') kind=any ;;
    'register pair --spacing') kind=any ;;
    'register pair --init') kind=any ;;
    'register pair --max-memory') kind=any ;;
    'register pair --weights') kind=file ;;
    'register pair --fixed-label') kind=file ;;
    'register pair --moving-label') kind=file ;;
    'register pair --fixed-mask') kind=file ;;
    'register pair --moving-mask') kind=file ;;
    'register pair --fixed-points') kind=file ;;
    'register pair --moving-points') kind=file ;;
    'register pair --label-names') kind=file ;;
    'register pair --label-interp') kind=choice choices=$'label\nnearest' ;;
    'register pair --max-folds') kind=any ;;
    'register pair --out' | 'register pair -o') kind=directory ;;
    'register pair --config') kind=file ;;
    'register pair --device') kind=any ;;
    'register pair --threads') kind=any ;;
    'register pair --seed') kind=any ;;
    'register batch --only') kind=any ;;
    'register batch --transform') kind=choice choices=$'rigid\naffine\ndisplacement\ndiffeo' ;;
    'register batch --method') kind=choice choices=$'auto\noptimize\nnetwork' ;;
    'register batch --preset') kind=choice choices=$'fast\ndefault\naccurate' ;;
    'register batch --metric') kind=choice choices=$'lncc\nmi\nmind\nmse' ;;
    'register batch --lambda') kind=any ;;
    'register batch --volume-weight') kind=any ;;
    'register batch --wavelet') kind=any ;;
    'register batch --iters') kind=any ;;
    'register batch --spacing') kind=any ;;
    'register batch --init') kind=any ;;
    'register batch --max-memory') kind=any ;;
    'register batch --weights') kind=file ;;
    'register batch --label-names') kind=file ;;
    'register batch --out' | 'register batch -o') kind=directory ;;
    'register batch --config') kind=file ;;
    'register batch --shard') kind=any ;;
    'register batch --device') kind=any ;;
    'register batch --threads') kind=any ;;
    'register batch --seed') kind=any ;;
    'register apply --input' | 'register apply -i') kind=file ;;
    'register apply --reference' | 'register apply -r') kind=file ;;
    'register apply --transform' | 'register apply -t') kind=file ;;
    'register apply --out' | 'register apply -o') kind=file ;;
    'register apply --invert') kind=any ;;
    'register apply --interp') kind=choice choices=$'linear\nnearest\nlabel\nbspline' ;;
    'register apply --volume') kind=any ;;
    'register benchmark --baselines-env') kind=directory ;;
    'register benchmark --baselines') kind=any ;;
    'register benchmark --presets') kind=any ;;
    'register benchmark --out' | 'register benchmark -o') kind=directory ;;
    'register benchmark --config') kind=file ;;
    'register benchmark --shard') kind=any ;;
    'register benchmark --threads') kind=any ;;
    'register train --layout') kind=choice choices=$'csv\nfolder\noasis\nixi\ncmr\nl2r' ;;
    'register train --atlas') kind=file ;;
    'register train --spacing') kind=any ;;
    'register train --val-fraction') kind=any ;;
    'register train --weights') kind=file ;;
    'register train --preset') kind=choice choices=$'shipped' ;;
    'register train --label-maps') kind=directory ;;
    'register train --dim') kind=any ;;
    'register train --steps') kind=any ;;
    'register train --epochs') kind=any ;;
    'register train --batch-size') kind=any ;;
    'register train --lr') kind=any ;;
    'register train --loss') kind=choice choices=$'lncc\nmi\nmind\nmse' ;;
    'register train --transform') kind=choice choices=$'diffeo\ndisplacement' ;;
    'register train --wavelet') kind=any ;;
    'register train --width') kind=any ;;
    'register train --dice-weight') kind=any ;;
    'register train --lambda') kind=any ;;
    'register train --out' | 'register train -o') kind=directory ;;
    'register train --config') kind=file ;;
    'register train --device') kind=any ;;
    'register train --threads') kind=any ;;
    'register train --seed') kind=any ;;
    'register train --precision') kind=choice choices=$'float32\nbfloat16\nfloat16' ;;
    'register evaluate --out' | 'register evaluate -o') kind=file ;;
    'register evaluate --fixed-label') kind=file ;;
    'register evaluate --moving-label') kind=file ;;
    'register evaluate --transform' | 'register evaluate -t') kind=file ;;
    'register evaluate --disp') kind=file ;;
    'register evaluate --fixed-points') kind=file ;;
    'register evaluate --moving-points') kind=file ;;
    'register evaluate --label-names') kind=file ;;
    'register evaluate --label-interp') kind=choice choices=$'label\nnearest' ;;
    'register evaluate --layout') kind=choice choices=$'csv\nfolder\noasis\nixi\ncmr\nl2r' ;;
    'register evaluate --subset') kind=choice choices=$'train\nvalidation\ntest' ;;
    'register evaluate --dim') kind=any ;;
    'register evaluate --transform-kind') kind=choice choices=$'rigid\naffine\ndisplacement\ndiffeo' ;;
    'register evaluate --method') kind=choice choices=$'auto\noptimize\nnetwork' ;;
    'register evaluate --preset') kind=choice choices=$'fast\ndefault\naccurate' ;;
    'register evaluate --metric') kind=choice choices=$'lncc\nmi\nmind\nmse' ;;
    'register evaluate --lambda') kind=any ;;
    'register evaluate --volume-weight') kind=any ;;
    'register evaluate --wavelet') kind=any ;;
    'register evaluate --iters') kind=any ;;
    'register evaluate --spacing') kind=any ;;
    'register evaluate --init') kind=any ;;
    'register evaluate --max-memory') kind=any ;;
    'register evaluate --weights') kind=file ;;
    'register evaluate --config') kind=file ;;
    'register evaluate --shard') kind=any ;;
    'register evaluate --device') kind=any ;;
    'register evaluate --threads') kind=any ;;
    'register evaluate --seed') kind=any ;;
    'pcd-anomaly run --unit') kind=any ;;
    'pcd-anomaly run --layout') kind=choice choices=$'auto\nreal3d\nshapenet\nmulsen\nminishift\nmvtec\nfolder' ;;
    'pcd-anomaly run --class') kind=any ;;
    'pcd-anomaly run --train') kind=directory ;;
    'pcd-anomaly run --test') kind=directory ;;
    'pcd-anomaly run --gt') kind=directory ;;
    'pcd-anomaly run --groups') kind=any ;;
    'pcd-anomaly run --group-size') kind=any ;;
    'pcd-anomaly run --bank') kind=any ;;
    'pcd-anomaly run --views') kind=any ;;
    'pcd-anomaly run --clusters') kind=any ;;
    'pcd-anomaly run --steps') kind=any ;;
    'pcd-anomaly run --alpha') kind=any ;;
    'pcd-anomaly run --features') kind=choice choices=$'hybrid\nfpfh\npointmae' ;;
    'pcd-anomaly run --weights') kind=file ;;
    'pcd-anomaly run --max-memory') kind=any ;;
    'pcd-anomaly run --agcs') kind=choice choices=$'relative\nabsolute\noff' ;;
    'pcd-anomaly run --save') kind=any ;;
    'pcd-anomaly run --methods') kind=any ;;
    'pcd-anomaly run --protocol') kind=choice choices=$'ours\nreg3d' ;;
    'pcd-anomaly run --bootstrap') kind=any ;;
    'pcd-anomaly run --out' | 'pcd-anomaly run -o') kind=directory ;;
    'pcd-anomaly run --config') kind=file ;;
    'pcd-anomaly run --shard') kind=any ;;
    'pcd-anomaly run --device') kind=any ;;
    'pcd-anomaly run --threads') kind=any ;;
    'pcd-anomaly run --seed') kind=any ;;
    'pcd-anomaly synth --count' | 'pcd-anomaly synth -n') kind=any ;;
    'pcd-anomaly synth --points') kind=any ;;
    'pcd-anomaly synth --suite') kind=choice choices=$'rigid\ntolerance\nsubtle' ;;
    'pcd-anomaly synth --prototypes') kind=any ;;
    'pcd-anomaly synth --good') kind=any ;;
    'pcd-anomaly synth --defective') kind=any ;;
    'pcd-anomaly synth --prototype-points') kind=any ;;
    'pcd-anomaly synth --seed') kind=any ;;
    'pcd-anomaly train --unit') kind=any ;;
    'pcd-anomaly train --layout') kind=choice choices=$'auto\nreal3d\nshapenet\nmulsen\nminishift\nmvtec\nfolder' ;;
    'pcd-anomaly train --class') kind=any ;;
    'pcd-anomaly train --train') kind=directory ;;
    'pcd-anomaly train --groups') kind=any ;;
    'pcd-anomaly train --group-size') kind=any ;;
    'pcd-anomaly train --bank') kind=any ;;
    'pcd-anomaly train --views') kind=any ;;
    'pcd-anomaly train --clusters') kind=any ;;
    'pcd-anomaly train --steps') kind=any ;;
    'pcd-anomaly train --alpha') kind=any ;;
    'pcd-anomaly train --features') kind=choice choices=$'hybrid\nfpfh\npointmae' ;;
    'pcd-anomaly train --weights') kind=file ;;
    'pcd-anomaly train --out' | 'pcd-anomaly train -o') kind=directory ;;
    'pcd-anomaly train --config') kind=file ;;
    'pcd-anomaly train --device') kind=any ;;
    'pcd-anomaly train --threads') kind=any ;;
    'pcd-anomaly train --seed') kind=any ;;
    'pcd-anomaly predict --class') kind=any ;;
    'pcd-anomaly predict --unit') kind=any ;;
    'pcd-anomaly predict --weights') kind=file ;;
    'pcd-anomaly predict --max-memory') kind=any ;;
    'pcd-anomaly predict --agcs') kind=choice choices=$'relative\nabsolute\noff' ;;
    'pcd-anomaly predict --save') kind=any ;;
    'pcd-anomaly predict --registration') kind=choice choices=$'auto\ngiven\nnone' ;;
    'pcd-anomaly predict --init') kind=file ;;
    'pcd-anomaly predict --out' | 'pcd-anomaly predict -o') kind=directory ;;
    'pcd-anomaly predict --config') kind=file ;;
    'pcd-anomaly predict --shard') kind=any ;;
    'pcd-anomaly predict --device') kind=any ;;
    'pcd-anomaly predict --threads') kind=any ;;
    'pcd-anomaly predict --seed') kind=any ;;
    'pcd-anomaly evaluate --unit') kind=any ;;
    'pcd-anomaly evaluate --layout') kind=choice choices=$'auto\nreal3d\nshapenet\nmulsen\nminishift\nmvtec\nfolder' ;;
    'pcd-anomaly evaluate --class') kind=any ;;
    'pcd-anomaly evaluate --train') kind=directory ;;
    'pcd-anomaly evaluate --test') kind=directory ;;
    'pcd-anomaly evaluate --gt') kind=directory ;;
    'pcd-anomaly evaluate --weights') kind=file ;;
    'pcd-anomaly evaluate --max-memory') kind=any ;;
    'pcd-anomaly evaluate --agcs') kind=choice choices=$'relative\nabsolute\noff' ;;
    'pcd-anomaly evaluate --save') kind=any ;;
    'pcd-anomaly evaluate --methods') kind=any ;;
    'pcd-anomaly evaluate --protocol') kind=choice choices=$'ours\nreg3d' ;;
    'pcd-anomaly evaluate --bootstrap') kind=any ;;
    'pcd-anomaly evaluate --out' | 'pcd-anomaly evaluate -o') kind=directory ;;
    'pcd-anomaly evaluate --config') kind=file ;;
    'pcd-anomaly evaluate --shard') kind=any ;;
    'pcd-anomaly evaluate --device') kind=any ;;
    'pcd-anomaly evaluate --threads') kind=any ;;
    'pcd-anomaly evaluate --seed') kind=any ;;
    'pcd-anomaly register --out' | 'pcd-anomaly register -o') kind=file ;;
    'pcd-anomaly register --seed') kind=any ;;
    'pcd-anomaly register --threads') kind=any ;;
    'rppg-adapt predict --method') kind=choice choices=$'auto\nnet\npos\nchrom\nlgi\nomit\nica\ngreen\npbv' ;;
    'rppg-adapt predict --window') kind=any ;;
    'rppg-adapt predict --step') kind=any ;;
    'rppg-adapt predict --hr-range') kind=any ;;
    'rppg-adapt predict --fps') kind=any ;;
    'rppg-adapt predict --tta') kind=any ;;
    'rppg-adapt predict --roi') kind=any ;;
    'rppg-adapt predict --detector') kind=choice choices=$'haar\nlbp\nyunet' ;;
    'rppg-adapt predict --face-model') kind=file ;;
    'rppg-adapt predict --faces') kind=any ;;
    'rppg-adapt predict --gt') kind=file ;;
    'rppg-adapt predict --weights') kind=file ;;
    'rppg-adapt predict --out' | 'rppg-adapt predict -o') kind=directory ;;
    'rppg-adapt predict --config') kind=file ;;
    'rppg-adapt predict --shard') kind=any ;;
    'rppg-adapt predict --device') kind=any ;;
    'rppg-adapt predict --threads') kind=any ;;
    'rppg-adapt predict --seed') kind=any ;;
    'rppg-adapt preprocess --layout') kind=choice choices=$'ubfc\npure\ncohface\nubfc-phys\nmmpd\nscamps\nibvp\nlgi\nphysdrive\nmanifest' ;;
    'rppg-adapt preprocess --size') kind=any ;;
    'rppg-adapt preprocess --fps') kind=any ;;
    'rppg-adapt preprocess --detector') kind=choice choices=$'haar\nlbp\nyunet' ;;
    'rppg-adapt preprocess --face-model') kind=file ;;
    'rppg-adapt preprocess --out' | 'rppg-adapt preprocess -o') kind=directory ;;
    'rppg-adapt preprocess --config') kind=file ;;
    'rppg-adapt preprocess --shard') kind=any ;;
    'rppg-adapt train --preset') kind=choice choices=$'all\neasy\nhard\nshift' ;;
    'rppg-adapt train --weights') kind=file ;;
    'rppg-adapt train --backbone') kind=choice choices=$'lite\nphysnet' ;;
    'rppg-adapt train --input') kind=choice choices=$'diff\nstandard' ;;
    'rppg-adapt train --size') kind=any ;;
    'rppg-adapt train --val-fraction') kind=any ;;
    'rppg-adapt train --frames') kind=any ;;
    'rppg-adapt train --epochs') kind=any ;;
    'rppg-adapt train --steps') kind=any ;;
    'rppg-adapt train --batch-size') kind=any ;;
    'rppg-adapt train --lr') kind=any ;;
    'rppg-adapt train --keep') kind=choice choices=$'best\nlast' ;;
    'rppg-adapt train --out' | 'rppg-adapt train -o') kind=directory ;;
    'rppg-adapt train --config') kind=file ;;
    'rppg-adapt train --device') kind=any ;;
    'rppg-adapt train --threads') kind=any ;;
    'rppg-adapt train --seed') kind=any ;;
    'rppg-adapt adapt --weights') kind=file ;;
    'rppg-adapt adapt --loss') kind=choice choices=$'robust\npaper' ;;
    'rppg-adapt adapt --branches') kind=choice choices=$'ost\nos\not' ;;
    'rppg-adapt adapt --distance') kind=choice choices=$'fwd\nmse\nkl\njs' ;;
    'rppg-adapt adapt --fwd-p') kind=any ;;
    'rppg-adapt adapt --fwd-solver') kind=choice choices=$'cdf\npot' ;;
    'rppg-adapt adapt --anchor') kind=any ;;
    'rppg-adapt adapt --update') kind=choice choices=$'all\nbn\nencoder' ;;
    'rppg-adapt adapt --epochs') kind=any ;;
    'rppg-adapt adapt --batch-size') kind=any ;;
    'rppg-adapt adapt --lr') kind=any ;;
    'rppg-adapt adapt --frames') kind=any ;;
    'rppg-adapt adapt --adapt-fraction') kind=any ;;
    'rppg-adapt adapt --out' | 'rppg-adapt adapt -o') kind=directory ;;
    'rppg-adapt adapt --config') kind=file ;;
    'rppg-adapt adapt --device') kind=any ;;
    'rppg-adapt adapt --threads') kind=any ;;
    'rppg-adapt adapt --seed') kind=any ;;
    'rppg-adapt evaluate --methods') kind=any ;;
    'rppg-adapt evaluate --protocol') kind=choice choices=$'fine\ntoolbox' ;;
    'rppg-adapt evaluate --window') kind=any ;;
    'rppg-adapt evaluate --group-by') kind=any ;;
    'rppg-adapt evaluate --weights') kind=file ;;
    'rppg-adapt evaluate --out' | 'rppg-adapt evaluate -o') kind=directory ;;
    'rppg-adapt evaluate --config') kind=file ;;
    'rppg-adapt evaluate --device') kind=any ;;
    'rppg-adapt evaluate --threads') kind=any ;;
    'rppg-adapt synth --count' | 'rppg-adapt synth -n') kind=any ;;
    'rppg-adapt synth --seconds') kind=any ;;
    'rppg-adapt synth --preset') kind=choice choices=$'easy\nhard\nshift' ;;
    'rppg-adapt synth --fps') kind=any ;;
    'rppg-adapt synth --size') kind=any ;;
    'rppg-adapt synth --bpm') kind=any ;;
    'rppg-adapt synth --out' | 'rppg-adapt synth -o') kind=directory ;;
    'rppg-adapt synth --config') kind=file ;;
    'rppg-adapt synth --shard') kind=any ;;
    'rppg-adapt synth --seed') kind=any ;;
    'rppg-adapt plot --out' | 'rppg-adapt plot -o') kind=directory ;;
    'kan-fit fit --function') kind=any ;;
    'kan-fit fit --expr') kind=any ;;
    'kan-fit fit --range') kind=any ;;
    'kan-fit fit --rows') kind=any ;;
    'kan-fit fit --noise') kind=any ;;
    'kan-fit fit --target') kind=any ;;
    'kan-fit fit --features') kind=any ;;
    'kan-fit fit --val-fraction') kind=any ;;
    'kan-fit fit --test-fraction') kind=any ;;
    'kan-fit fit --test') kind=file ;;
    'kan-fit fit --width') kind=any ;;
    'kan-fit fit --pool') kind=any ;;
    'kan-fit fit --select-level') kind=choice choices=$'node\nedge\nlayer' ;;
    'kan-fit fit --select') kind=choice choices=$'validated\ngate\nnone' ;;
    'kan-fit fit --grid') kind=any ;;
    'kan-fit fit --refine') kind=any ;;
    'kan-fit fit --optimizer') kind=choice choices=$'auto\nlm\nlbfgs\nadamw' ;;
    'kan-fit fit --steps') kind=any ;;
    'kan-fit fit --restarts') kind=any ;;
    'kan-fit fit --budget') kind=any ;;
    'kan-fit fit --out' | 'kan-fit fit -o') kind=directory ;;
    'kan-fit fit --config') kind=file ;;
    'kan-fit fit --device') kind=any ;;
    'kan-fit fit --threads') kind=any ;;
    'kan-fit fit --seed') kind=any ;;
    'kan-fit classify --layout') kind=choice choices=$'auto\nfolders\nidx\nnpz\ncifar\ncifar-binary\ncsv' ;;
    'kan-fit classify --resize') kind=any ;;
    'kan-fit classify --val-fraction') kind=any ;;
    'kan-fit classify --test-fraction') kind=any ;;
    'kan-fit classify --arch') kind=choice choices=$'conv\ndense\ncnn' ;;
    'kan-fit classify --channels') kind=any ;;
    'kan-fit classify --pool') kind=any ;;
    'kan-fit classify --select-level') kind=choice choices=$'node\nedge\nlayer' ;;
    'kan-fit classify --select') kind=choice choices=$'validated\ngate\nnone' ;;
    'kan-fit classify --grid') kind=any ;;
    'kan-fit classify --epochs') kind=any ;;
    'kan-fit classify --batch-size') kind=any ;;
    'kan-fit classify --lr') kind=any ;;
    'kan-fit classify --weight-decay') kind=any ;;
    'kan-fit classify --augment') kind=choice choices=$'none\nshift\nbasic' ;;
    'kan-fit classify --out' | 'kan-fit classify -o') kind=directory ;;
    'kan-fit classify --config') kind=file ;;
    'kan-fit classify --device') kind=any ;;
    'kan-fit classify --threads') kind=any ;;
    'kan-fit classify --seed') kind=any ;;
    'kan-fit classify --precision') kind=choice choices=$'float32\nbfloat16\nfloat16' ;;
    'kan-fit predict --interval') kind=any ;;
    'kan-fit predict --layout') kind=choice choices=$'auto\nfolders\nidx\nnpz\ncifar\ncifar-binary\ncsv' ;;
    'kan-fit predict --out' | 'kan-fit predict -o') kind=directory ;;
    'kan-fit predict --config') kind=file ;;
    'kan-fit explain --picture-format') kind=choice choices=$'svg\npng' ;;
    'kan-fit explain --prune') kind=any ;;
    'kan-fit explain --library') kind=file ;;
    'kan-fit explain --save') kind=any ;;
    'kan-fit explain --out' | 'kan-fit explain -o') kind=directory ;;
    'kan-fit explain --config') kind=file ;;
    'kan-fit explain --seed') kind=any ;;
    'kan-fit benchmark --suite') kind=any ;;
    'kan-fit benchmark --baselines') kind=any ;;
    'kan-fit benchmark --alone') kind=any ;;
    'kan-fit benchmark --rows') kind=any ;;
    'kan-fit benchmark --noise') kind=any ;;
    'kan-fit benchmark --threads') kind=any ;;
    'kan-fit benchmark --baselines-env') kind=directory ;;
    'kan-fit benchmark --out' | 'kan-fit benchmark -o') kind=directory ;;
    'kan-fit benchmark --config') kind=file ;;
    'kan-fit benchmark --shard') kind=any ;;
    'kan-fit benchmark --seed') kind=any ;;
    'enhance-eval run --layout') kind=any ;;
    'enhance-eval run --split') kind=any ;;
    'enhance-eval run --reference') kind=directory ;;
    'enhance-eval run --limit') kind=any ;;
    'enhance-eval run --methods') kind=any ;;
    'enhance-eval run --conditions') kind=any ;;
    'enhance-eval run --full-well') kind=any ;;
    'enhance-eval run --read-noise') kind=any ;;
    'enhance-eval run --jpeg') kind=any ;;
    'enhance-eval run --measures') kind=any ;;
    'enhance-eval run --niqe-params') kind=file ;;
    'enhance-eval run --brisque-model') kind=file ;;
    'enhance-eval run --brisque-range') kind=file ;;
    'enhance-eval run --tasks') kind=any ;;
    'enhance-eval run --detector') kind=any ;;
    'enhance-eval run --classifier') kind=any ;;
    'enhance-eval run --cls-unit') kind=choice choices=$'image\ncrop' ;;
    'enhance-eval run --protocol') kind=choice choices=$'frozen\nconsistency' ;;
    'enhance-eval run --save') kind=any ;;
    'enhance-eval run --bootstrap') kind=any ;;
    'enhance-eval run --alpha') kind=any ;;
    'enhance-eval run --out' | 'enhance-eval run -o') kind=directory ;;
    'enhance-eval run --config') kind=file ;;
    'enhance-eval run --shard') kind=any ;;
    'enhance-eval run --device') kind=any ;;
    'enhance-eval run --threads') kind=any ;;
    'enhance-eval run --seed') kind=any ;;
    'enhance-eval enhance --methods') kind=any ;;
    'enhance-eval enhance --out' | 'enhance-eval enhance -o') kind=directory ;;
    'enhance-eval enhance --config') kind=file ;;
    'enhance-eval enhance --shard') kind=any ;;
    'enhance-eval enhance --device') kind=any ;;
    'enhance-eval enhance --threads') kind=any ;;
    'enhance-eval enhance --seed') kind=any ;;
    'enhance-eval degrade --condition') kind=any ;;
    'enhance-eval degrade --full-well') kind=any ;;
    'enhance-eval degrade --read-noise') kind=any ;;
    'enhance-eval degrade --jpeg') kind=any ;;
    'enhance-eval degrade --out' | 'enhance-eval degrade -o') kind=directory ;;
    'enhance-eval degrade --config') kind=file ;;
    'enhance-eval degrade --shard') kind=any ;;
    'enhance-eval degrade --seed') kind=any ;;
    'enhance-eval score --pred') kind=directory ;;
    'enhance-eval score --reference') kind=directory ;;
    'enhance-eval score --input') kind=directory ;;
    'enhance-eval score --measures') kind=any ;;
    'enhance-eval score --labels') kind=file ;;
    'enhance-eval score --detections') kind=file ;;
    'enhance-eval score --out' | 'enhance-eval score -o') kind=directory ;;
    'enhance-eval score --config') kind=file ;;
    'enhance-eval score --shard') kind=any ;;
    'enhance-eval report --bootstrap') kind=any ;;
    'enhance-eval report --alpha') kind=any ;;
    'enhance-eval report --out' | 'enhance-eval report -o') kind=directory ;;
    'enhance-eval report --config') kind=file ;;
    'enhance-eval report --seed') kind=any ;;
    'enhance-eval train --steps') kind=any ;;
    'enhance-eval train --batch-size') kind=any ;;
    'enhance-eval train --lr') kind=any ;;
    'enhance-eval train --scenes') kind=any ;;
    'enhance-eval train --out' | 'enhance-eval train -o') kind=directory ;;
    'enhance-eval train --config') kind=file ;;
    'enhance-eval train --device') kind=any ;;
    'enhance-eval train --threads') kind=any ;;
    'enhance-eval train --seed') kind=any ;;
    'submit --array') kind=any ;;
    'submit --gpus') kind=any ;;
    'submit --cpus') kind=any ;;
    'submit --mem') kind=any ;;
    'submit --time') kind=any ;;
    'submit --partition') kind=any ;;
    'submit --account') kind=any ;;
    'submit --qos') kind=any ;;
    'submit --constraint') kind=any ;;
    'submit --scheduler-arg') kind=any ;;
    'submit --setup') kind=file ;;
    'submit --executor') kind=choice choices=$'auto\nslurm\nlocal\ndebug' ;;
    esac
}

_vcli() {
    local current="${COMP_WORDS[COMP_CWORD]}" node='' word i place=0 last turns IFS=$'\n'
    local verbs default options arguments kind=none choices
    COMPREPLY=()
    _vcli_facts ''
    for (( i = 1; i < COMP_CWORD; i++ )); do
        word="${COMP_WORDS[i]}"
        if [ "$kind" != none ]; then
            # Bash splits --out=DIR into three words.
            [ "$word" = '=' ] || kind=none
        elif [ "${word#-}" != "$word" ]; then
            if [ -n "$default" ]; then node="$node $default"; _vcli_facts "$node"; fi
            _vcli_value "$node" "$word"
        elif [[ $'\n'"$verbs"$'\n' == *$'\n'"$word"$'\n'* ]]; then
            node="${node:+$node }$word"; _vcli_facts "$node"
        else
            if [ -n "$default" ]; then node="$node $default"; _vcli_facts "$node"; fi
            place=$(( place + 1 ))
        fi
    done
    [ "$current" = '=' ] && current=''
    if [ "$kind" = none ]; then
        [ -z "$default" ] || { word="$verbs"; _vcli_facts "$node $default"; verbs="$word"; }
        if [ "${current#-}" != "$current" ]; then
            COMPREPLY=( $(compgen -W "$options" -- "$current") )
            return
        fi
        COMPREPLY=( $(compgen -W "$verbs" -- "$current") )
        # The argument whose turn it is; one that ends with ... may stand there again and again.
        turns=( $arguments ) last=$(( ${#turns[@]} - 1 ))
        kind="${turns[place]-}"
        if [ -z "$kind" ] && [ $last -ge 0 ]; then
            case "${turns[last]}" in *...) kind="${turns[last]}" ;; esac
        fi
        kind="${kind%...}"
        choices="${kind#choice }" kind="${kind%% *}"
        choices="${choices// /$'\n'}"
    fi
    case "$kind" in
    choice) COMPREPLY+=( $(compgen -W "$choices" -- "$current") ) ;;
    file) COMPREPLY+=( $(compgen -f -- "$current") ); compopt -o filenames 2>/dev/null ;;
    directory) COMPREPLY+=( $(compgen -d -- "$current") ); compopt -o filenames 2>/dev/null ;;
    esac
}

complete -F _vcli vcli
